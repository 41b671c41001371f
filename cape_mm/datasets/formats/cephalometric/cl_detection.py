# Copyright (c) cape_mm contributors. All rights reserved.
"""Reader of the CL-Detection challenge of 2023.

38 landmarks, https://cl-detection2023.grand-challenge.org:
``train_stack.mha`` has all cephalograms, each filled up with zeros at the
right and the bottom to one size; ``train-gt.json`` has their landmarks:
``{"points": [{"name": "1", "point": [x, y, cephalogram], "scale": mm}, ...]}``
with cephalograms counted from 1. That of 2024 is a CSV table.

Of MetaImage files (https://itk.org/Wiki/ITK/MetaIO/Documentation) the part
is read that such a stack needs: 8 bits per channel, raw or compressed with
zlib, data in the same file, one image after the other, because a whole stack
may not fit into memory.
"""

from __future__ import annotations

import math
import zlib
from pathlib import Path
from typing import Any, Iterator

import numpy as np

from cape_mm.datasets.formats.annotation_report import AnnotationReport
from cape_mm.errors import DataError, shorten
from cape_mm.structures import get_schema

from ..json_values import as_list, as_number, read_json
from .reading import CephalometricRecord, to_grey_or_bgr

_NUM_LANDMARKS = len(get_schema('cl_detection38'))
_MAX_HEADER_LINES = 200
_CHUNK = 1 << 16  # zlib makes at most 64 MB of it


def read_cl_detection_stack(
    stack: Path, labels: Path, report: AnnotationReport
) -> Iterator[CephalometricRecord]:
    """Yield the challenge of 2023 with its images, without the filling."""
    labelled = _read_labels(labels, read_header(stack)[0])
    for number, pixels in enumerate(read_stack(stack), 1):
        if number not in labelled:
            report.add('no_annotation', f'{stack}, cephalogram {number}')
            continue
        where = f'{labels}: cephalogram {number}'
        entries = labelled[number]
        keypoints_px = np.full((_NUM_LANDMARKS, 2), np.nan)
        for name, entry in entries.items():
            keypoints_px[name - 1] = entry['point'][:2]
        visible = np.where(np.isfinite(keypoints_px).all(axis=1), 2, 0)
        for index in np.flatnonzero(visible == 0):
            report.add('not_labelled', f'{where}, landmark {index + 1}')
        yield CephalometricRecord(
            image_path=f'{number:03d}.png',
            keypoints_px=keypoints_px,
            visible=visible,
            spacing=_spacing_of(entries, where),
            spacing_source='file',
            image=cut_filling(pixels, f'{stack}: cephalogram {number}'),
        )


def cut_filling(image: np.ndarray, where: str) -> np.ndarray:
    """(H, W[, 3]) RGB to grey or BGR, without zeros right and below."""
    if image.ndim == 3 and image.shape[2] not in (1, 3):
        raise DataError(
            f'{where} has {image.shape[2]} channels: 1 or 3 are read'
        )
    if image.ndim == 2:
        image = image[..., None]
    is_used = image.any(axis=2)
    rows, columns = (np.flatnonzero(is_used.any(axis=a)) for a in (1, 0))
    if not rows.size:
        raise DataError(f'{where} is empty (all zero): fetch the file again')
    return to_grey_or_bgr(image[: rows[-1] + 1, : columns[-1] + 1])


def _read_labels(path: Path, count: int) -> dict[int, dict[int, dict]]:
    """Entries by cephalogram, then by landmark, both counted from 1."""
    try:
        entries = read_json(path)['points']
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(
            f'{path} is no JSON file with a list "points": fetch it again'
        ) from error
    labelled: dict[int, dict[int, dict]] = {}
    for number, entry in enumerate(as_list(entries, f"{path}: 'points'")):
        where = f'{path}: point {number}'
        try:
            name = int(entry['name'])
            x, y, cephalogram = (
                as_number(value, where) for value in entry['point']
            )
            is_right = 1 <= name <= _NUM_LANDMARKS and cephalogram == int(
                cephalogram
            )
        except (KeyError, TypeError, ValueError, OverflowError):
            is_right = False
        if not is_right:
            raise DataError(
                f'{where} is {shorten(entry)}: a name 1 to '
                f'{_NUM_LANDMARKS} and three numbers x, y, cephalogram are '
                'needed'
            )
        if not 1 <= cephalogram <= count:
            raise DataError(
                f'{where} belongs to cephalogram {cephalogram:g}, the stack '
                f'has {count}: take the two files of one download'
            )
        points = labelled.setdefault(int(cephalogram), {})
        if name in points:
            raise DataError(
                f'{where}: cephalogram {cephalogram:g} has landmark {name} '
                'already: remove one'
            )
        points[name] = entry
    return labelled


def _spacing_of(entries: dict[int, dict], where: str) -> tuple[float, float]:
    """The scale, which all points of a cephalogram must agree on."""
    scales: list[Any] = [entry.get('scale') for entry in entries.values()]
    try:
        values = {float(scale) for scale in scales}
    except (TypeError, ValueError):
        values = set()
    if len(values) != 1 or not 0 < min(values) < math.inf:
        raise DataError(
            f'{where}: its points have the scales {set(map(str, scales))}: '
            'one positive number of mm per pixel is needed'
        )
    return min(values), min(values)


def read_header(path: Path) -> tuple[int, tuple[int, ...], bool, int]:
    """Number and shape of the images, compression, and begin of the data."""
    fields: dict[str, str] = {}
    with open(path, 'rb') as file:
        while 'ElementDataFile' not in fields:
            line = file.readline(_CHUNK)
            key, equals, value = line.decode('latin-1').partition('=')
            if not equals or len(fields) > _MAX_HEADER_LINES:
                raise DataError(
                    f'{path} is no MetaImage file (lines "name = value" up '
                    'to ElementDataFile): fetch it again'
                )
            fields[key.strip()] = value.strip()
        offset = file.tell()
    for key, expected in (
        ('ElementType', 'MET_UCHAR'),
        ('ElementDataFile', 'LOCAL'),
        ('BinaryData', 'True'),
    ):
        if fields.get(key, expected).lower() != expected.lower():
            raise DataError(
                f'{path}: {key} is {fields[key]}, only {expected} is read: '
                'write the stack anew as 8 bit .mha, e.g. with SimpleITK'
            )
    try:
        size = [int(part) for part in fields['DimSize'].split()]
        channels = int(fields.get('ElementNumberOfChannels', 1))
    except (KeyError, ValueError) as error:
        raise DataError(
            f'{path}: DimSize or ElementNumberOfChannels is missing or no '
            'number: fetch the file again'
        ) from error
    shape = [*reversed(size), *([channels] if channels > 1 else [])]
    if len(shape) not in (3, 4) or min(shape) < 1:
        raise DataError(
            f'{path}: DimSize {fields["DimSize"]} with {channels} channels '
            'is no stack of images (width, height, number)'
        )
    is_compressed = fields.get('CompressedData', '').lower() == 'true'
    return shape[0], tuple(shape[1:]), is_compressed, offset


def read_stack(path: Path) -> Iterator[np.ndarray]:
    """Images (H, W) or (H, W, C), uint8, of a stack, one at a time."""
    count, shape, is_compressed, offset = read_header(path)
    length = math.prod(shape)
    chunks = _read_chunks(path, offset, is_compressed)
    buffer = bytearray()
    for number in range(1, count + 1):
        while len(buffer) < length:
            chunk = next(chunks, None)
            if chunk is None:
                raise DataError(
                    f'{path} ends in image {number} of {count}: '
                    'fetch the file again'
                )
            buffer += chunk
        yield np.frombuffer(bytes(buffer[:length]), np.uint8).reshape(shape)
        del buffer[:length]


def _read_chunks(
    path: Path, offset: int, is_compressed: bool
) -> Iterator[bytes]:
    """Data behind the header, decompressed, never all of it at once."""
    stream = zlib.decompressobj()
    with open(path, 'rb') as file:
        file.seek(offset)
        while chunk := file.read(_CHUNK):
            try:
                yield stream.decompress(chunk) if is_compressed else chunk
            except zlib.error as error:
                raise DataError(
                    f'{path}: its compressed data are damaged ({error}): '
                    'fetch the file again'
                ) from error
