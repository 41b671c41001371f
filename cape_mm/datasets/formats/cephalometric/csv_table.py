# Copyright (c) cape_mm contributors. All rights reserved.
"""Reader of plain tables: a row per cephalogram, two columns per landmark."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import Iterator, Mapping

from cape_mm.datasets.formats.annotation_report import AnnotationReport
from cape_mm.structures import LandmarkSchema

from .cephalogram_split import name_part
from .coco_file import CephalometricRecord
from .dicom_cephalogram import DicomCephalogram, is_dicom, png_name, read_dicom
from .image_size import MAX_MEGAPIXELS
from .landmark_columns import (
    index_header,
    match_landmarks,
    normalise,
    read_number,
    read_points,
)

#: What a column may be called, in the order of preference.
_FILE = ('file', 'file_name', 'image', 'image_file', 'image_path')
_SPACING = ('spacing', 'spacing(mm)')


def read_csv(
    path: Path,
    schema: LandmarkSchema,
    source_root: Path,
    report: AnnotationReport,
    pattern: str = '{}_{}',
    max_megapixels: float = MAX_MEGAPIXELS,
) -> Iterator[CephalometricRecord]:
    """Read a table with a header.

    Columns: ``file``; ``<landmark>_x`` and ``<landmark>_y`` in pixels, with
    the code or the name of the landmark, and optionally ``<landmark>_v``;
    optionally ``spacing`` or ``spacing_x`` and ``spacing_y`` (mm per pixel),
    ``spacing_source``, ``device``, ``subject``, ``split``. Blanks,
    underscores and case of the header do not matter. A cephalogram may be a
    DICOM file: it becomes a PNG, and its own spacing counts unless the table
    has one.

    Args:
        path (Path): The table; comma or semicolon between cells, UTF-8.
        schema (LandmarkSchema): K landmarks.
        source_root (Path): Folder that ``file`` is relative to.
        report (AnnotationReport): Collects what is not usable.
        pattern (str): How a column is made of landmark and axis. Defaults to
            ``'{}_{}'``.
        max_megapixels (float): Limit in millions of pixels for DICOM files,
            which are decoded here. Defaults to 150.

    Yields:
        CephalometricRecord: A cephalogram; ``image_path`` is relative to
        ``source_root``.

    Raises:
        ValueError: If the table or a cell is wrong, with row and column.
    """
    header, rows = _read_rows(path)
    columns = index_header(header, str(path))
    points = match_landmarks(columns, schema, str(path), pattern)
    file_column = _first(columns, _FILE)
    if file_column is None:
        raise ValueError(
            f'{path} has no column {_FILE[0]!r}: add it, with the name of '
            'the image of each row'
        )
    known = {file_column, *(name for entry in points for name in entry)}
    known |= {columns.get(key) for key in _EXTRA}
    known.add(_first(columns, _SPACING))
    for name in header:
        if name not in known:
            report.add('ignored_columns', repr(name))
    seen: dict[str, int] = {}
    for number, row in rows:
        file = (row[file_column] or '').strip()
        where = f'{path}: row {number} ({file})'
        if not file or Path(file).is_absolute() or '..' in Path(file).parts:
            raise ValueError(
                f'{where}: write the name of the image relative to '
                f'{source_root}'
            )
        if file in seen:
            raise ValueError(
                f'{where}: row {seen[file]} has the same image: remove one'
            )
        seen[file] = number
        cells = {key: (row.get(columns.get(key)) or '') for key in _EXTRA}
        cells = {key: value.strip() for key, value in cells.items()}
        keypoints_px, visible = read_points(row, points, schema, where, report)
        record = CephalometricRecord(
            image_path=Path(file).as_posix(),
            keypoints_px=keypoints_px,
            visible=visible,
            device=cells['device'],
            subject=cells['subject'],
            extra=_extra(cells, columns, where),
        )
        record.spacing = _read_spacing(row, columns, where)
        if record.spacing is not None:
            record.spacing_source = cells['spacing_source'] or 'file'
        # What is missing is reported where images are fetched.
        if is_dicom(source_root / file):
            cephalogram = read_dicom(source_root / file, max_megapixels)
            _add_dicom(record, cephalogram, report)
        if record.spacing is None:
            report.add('no_spacing', where)
        yield record


_EXTRA = (
    'spacing_x',
    'spacing_y',
    'spacing_source',
    'device',
    'subject',
    'split',
)


def _read_rows(
    path: Path,
) -> tuple[list[str], list[tuple[int, Mapping[str, str]]]]:
    """The header, and the rows with their numbers in the file."""
    try:
        text = path.read_text('utf-8-sig')
    except UnicodeDecodeError as error:
        raise ValueError(
            f'{path} is not UTF-8 ({error}): save it as "CSV UTF-8"'
        ) from error
    lines = text.splitlines()
    if not lines or not lines[0].strip():
        raise ValueError(f'{path} has no header in its first line: add it')
    head = lines[0]
    delimiter = ';' if head.count(';') > head.count(',') else ','
    reader = csv.DictReader(lines, delimiter=delimiter)
    header = [name for name in reader.fieldnames or [] if name.strip()]
    rows = []
    for row in reader:
        if not any(row.get(name) for name in header):
            continue
        if None in row or None in row.values():
            raise ValueError(
                f'{path}: row {reader.line_num}: it has not as many cells '
                f'as the header ({len(reader.fieldnames or [])}): add or '
                f'remove {delimiter!r}'
            )
        rows.append((reader.line_num, row))
    if not rows:
        raise ValueError(
            f'{path} has no row: there is no cephalogram to convert'
        )
    return header, rows


def _first(columns: Mapping[str, str], names: tuple[str, ...]) -> str | None:
    for name in names:
        if normalise(name) in columns:
            return columns[normalise(name)]
    return None


def _read_spacing(
    row: Mapping[str, str], columns: Mapping[str, str], where: str
) -> tuple[float, float] | None:
    """(x, y) in mm per pixel; None if the cells are empty or not there."""
    both = _first(columns, _SPACING)
    names = [
        columns.get('spacing_x') or both,
        columns.get('spacing_y') or both,
    ]
    values = [
        math.nan
        if name is None
        else read_number(row[name], f'{where}, column {name!r}')
        for name in names
    ]
    if all(map(math.isnan, values)):
        return None
    if not min(values) > 0 or any(map(math.isnan, values)):
        raise ValueError(
            f'{where}: its spacing is {values}: write two positive numbers '
            'of mm per pixel, along x and y, or leave both empty'
        )
    return values[0], values[1]


def _extra(
    cells: Mapping[str, str], columns: Mapping[str, str], where: str
) -> dict[str, str]:
    if 'split' not in columns:
        return {}
    return dict(split=name_part(cells['split'], f"{where}, column 'split'"))


def _add_dicom(
    record: CephalometricRecord,
    cephalogram: DicomCephalogram,
    report: AnnotationReport,
) -> None:
    """Put image and, if the table has none, spacing and device."""
    for note in cephalogram.notes:
        report.add('dicom', f'{record.image_path}: {note}')
    record.image = cephalogram.image
    record.image_path = png_name(record.image_path)
    record.device = record.device or cephalogram.device
    if record.spacing is None:
        record.spacing = cephalogram.spacing
        record.spacing_source = cephalogram.spacing_source
