# Copyright (c) cape_mm contributors. All rights reserved.
"""Reader of cephalograms in a pandas table that was written with ``to_json``.

A list of rows or an object of columns, a row per cephalogram: ``Image``, all
pixels in one list; ``<landmark>_x`` and ``<landmark>_y`` in pixels of this
image, NaN where not marked; ``set`` (train, dev, test), ``class`` (I, II,
III) and ``patient_id``.

A second file may have rulers, two points per cephalogram that are a known
length apart, as an object of objects by the key of the cephalogram:
``{"7": {"ruler_point_up_x": ..., "ruler_point_up_y": ...,
"ruler_point_down_x": ..., "ruler_point_down_y": ...}}``, where an entry may
have its own length in ``ruler_mm``.

Keys may be names of persons: they are never copied or put into a message.
Persons get numbers in the order of their first row.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Iterator, Mapping

import numpy as np

from cape_mm.datasets.formats.annotation_report import AnnotationReport
from cape_mm.errors import DataError
from cape_mm.structures import LandmarkSchema

from ..json_values import read_json
from .csv_table import LandmarkColumns
from .reading import (
    CephalometricRecord,
    name_part,
    read_number,
    to_grey_or_bgr,
)

_PERSON = ('patient_id', 'patient')
_CLASSES = {'1': 'I', '2': 'II', '3': 'III'}
_RULER = tuple(
    f'ruler_point_{end}_{axis}' for end in ('up', 'down') for axis in 'xy'
)


def read_pandas_json(
    path: Path,
    schema: LandmarkSchema,
    report: AnnotationReport,
    image_size: tuple[int, int] | None = None,
    sizes_mm: Mapping[str, tuple[float, float]] | None = None,
) -> Iterator[CephalometricRecord]:
    """Yield the cephalograms with images of (W, H) pixels, or square ones."""
    rows = _load_rows(path)
    header = list(dict.fromkeys(name for row in rows for name in row))
    landmarks = LandmarkColumns(header, schema, str(path))
    columns = landmarks.columns
    if 'image' not in columns:
        raise DataError(
            f"{path} has no column 'Image' with the pixels; for images in "
            'files write a CSV table instead'
        )
    keys = ('image', 'set', 'class', *_PERSON)
    landmarks.report_unknown(set(map(columns.get, keys)), report)
    person = landmarks.first(_PERSON)
    numbers: dict[str, str] = {}
    for index, row in enumerate(rows):
        where = f'{path}: row {index}'
        key = '' if person is None else _as_key(row.get(person, ''))
        subject = ''
        if key and key.lower() not in ('nan', 'none'):
            subject = numbers.setdefault(key, f'{len(numbers) + 1:04d}')
        image = _read_image(row.get(columns['image']), image_size, where)
        keypoints_px, visible = landmarks.read(row, where, report)
        record = CephalometricRecord(
            image_path=f'{index:05d}.png',
            keypoints_px=keypoints_px,
            visible=visible,
            subject=subject,
            class_labels=_read_class(row, columns, where, report),
            image=image,
        )
        if 'set' in columns:
            text = str(row.get(columns['set']))
            part = name_part(text, f"{where}, column 'set'")
            record.extra = dict(split=part)
        size_mm = (sizes_mm or {}).get(key)
        if size_mm is None:
            report.add('no_spacing', where)
        else:
            height, width = image.shape[:2]
            record.spacing = (size_mm[0] / width, size_mm[1] / height)
            record.spacing_source = 'ruler'
        yield record


def read_rulers(
    path: Path, frame_size: tuple[int, int], length_mm: float = 10.0
) -> dict[str, tuple[float, float]]:
    """(W, H) in mm of cephalograms by key, marked in a frame of (W, H) px."""
    content = read_json(path)
    if not isinstance(content, dict):
        raise DataError(
            f'{path} is no JSON object: write {{"key of cephalogram": '
            f'{{"{_RULER[0]}": ..., ...}}}}'
        )
    sizes = {}
    for number, (key, entry) in enumerate(content.items(), 1):
        where = f'{path}: entry {number}'
        if not isinstance(entry, dict):
            raise DataError(
                f'{where} is no object: write the four numbers '
                f'{", ".join(_RULER)}'
            )
        x0, y0, x1, y1 = values = [
            read_number(entry.get(name), f'{where}, {name}') for name in _RULER
        ]
        if any(map(math.isnan, values)):
            continue
        length = read_number(entry.get('ruler_mm', length_mm), where)
        distance = math.hypot(x1 - x0, y1 - y0)
        if not length > 0 or distance == 0:
            raise DataError(
                f'{where}: {length:g} mm are {distance:g} pixels: mark two '
                'different points, or remove them'
            )
        scale = length / distance
        sizes[_as_key(key)] = (frame_size[0] * scale, frame_size[1] * scale)
    return sizes


def _as_key(value: Any) -> str:
    """One text for ``7``, ``7.0`` and ``' 7 '``."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip()


def _load_rows(path: Path) -> list[dict[str, Any]]:
    """Rows of a table written by rows or by columns."""
    content = read_json(path)
    if isinstance(content, dict) and all(
        isinstance(column, dict) for column in content.values()
    ):
        keys = list(dict.fromkeys(k for c in content.values() for k in c))
        content = [
            {name: column.get(key) for name, column in content.items()}
            for key in keys
        ]
    if (
        not isinstance(content, list)
        or not content
        or not all(isinstance(row, dict) for row in content)
    ):
        raise DataError(
            f'{path} is no table of cephalograms: write it with '
            "to_json(path, orient='records')"
        )
    return content


def _read_image(
    value: Any, size: tuple[int, int] | None, where: str
) -> np.ndarray:
    """(H, W) uint8 if all channels are equal, else (H, W, 3) BGR."""
    try:
        pixels = np.asarray(value, dtype=np.float64).ravel()
    except (TypeError, ValueError, OverflowError):
        pixels = np.full(1, np.nan)
    with np.errstate(invalid='ignore'):
        is_byte = (pixels >= 0) & (pixels <= 255) & (pixels % 1 == 0)
    if not pixels.size or not is_byte.all():
        raise DataError(
            f"{where}, column 'Image': a list of whole numbers 0 to 255 is "
            'needed'
        )
    side = math.isqrt(pixels.size // 3)
    width, height = size or (side, side)
    if pixels.size != 3 * width * height:
        raise DataError(
            f"{where}, column 'Image': {pixels.size} numbers are not "
            f'3 x {width} x {height}: give the size of the images'
        )
    return to_grey_or_bgr(pixels.astype(np.uint8).reshape(height, width, 3))


def _read_class(
    row: Mapping[str, Any],
    columns: Mapping[str, str],
    where: str,
    report: AnnotationReport,
) -> dict[str, str]:
    """Skeletal class as I, II or III; empty if it is not given."""
    if 'class' not in columns:
        return {}
    text = _as_key(row.get(columns['class'])).upper()
    label = _CLASSES.get(text, text)
    if label in ('NONE', 'NAN', ''):
        report.add('no_class', where)
        return {}
    if label not in _CLASSES.values():
        raise DataError(
            f"{where}, column 'class': {text!r}: write I, II or III (or 1, "
            '2, 3)'
        )
    return dict(skeletal_class=label)
