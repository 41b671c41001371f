# Copyright (c) cape_mm contributors. All rights reserved.
"""Tables with a row per cephalogram and two columns per landmark.

Columns: ``file``; ``<landmark>_x`` and ``<landmark>_y`` in pixels, with the
code or the name of the landmark, and optionally ``<landmark>_v``; optionally
``spacing`` or ``spacing_x`` and ``spacing_y`` (mm per pixel),
``spacing_source``, ``device``, ``subject``, ``split``. Blanks, underscores
and case of the header do not matter. CSV files are UTF-8, with comma or
semicolon between cells.

A cephalogram may be a DICOM file: it becomes a PNG, and its own spacing
counts unless the table has one.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Iterator, Mapping, Sequence

import numpy as np

from cape_mm.datasets.formats.annotation_report import AnnotationReport
from cape_mm.datasets.formats.image_paths import check_image_names
from cape_mm.errors import DataError
from cape_mm.structures import LandmarkSchema

from ..image_check import MAX_MEGAPIXELS
from .dicom import is_dicom, png_name, read_dicom
from .reading import (
    CephalometricRecord,
    name_part,
    normalise,
    read_number,
    read_table,
)

#: Names of a column, in the order of preference.
_FILE = ('file', 'file_name', 'image', 'image_file', 'image_path')
_SPACING = ('spacing', 'spacing(mm)')
_EXTRA = (
    *('spacing_x', 'spacing_y', 'spacing_source'),
    *('device', 'subject', 'split'),
)


def read_csv(
    path: Path,
    schema: LandmarkSchema,
    source_root: Path,
    report: AnnotationReport,
    pattern: str = '{}_{}',
    max_megapixels: float = MAX_MEGAPIXELS,
) -> Iterator[CephalometricRecord]:
    """Yield the cephalograms of a table, with paths below ``source_root``."""
    header, rows = _read_rows(path)
    landmarks = LandmarkColumns(header, schema, str(path), pattern)
    columns = landmarks.columns
    file_column = landmarks.first(_FILE)
    if file_column is None:
        raise DataError(
            f'{path} has no column {_FILE[0]!r}: add it, with the name of '
            'the image of each row'
        )
    spacing_columns = [
        columns.get(key) or landmarks.first(_SPACING)
        for key in ('spacing_x', 'spacing_y')
    ]
    known = {file_column, landmarks.first(_SPACING)}
    landmarks.report_unknown(known.union(map(columns.get, _EXTRA)), report)
    first_rows: dict[str, int] = {}
    for number, row in rows:
        file = (row[file_column] or '').strip()
        where = f'{path}: row {number} ({file})'
        if not file or Path(file).is_absolute() or '..' in Path(file).parts:
            raise DataError(
                f'{where}: write the name of the image relative to '
                f'{source_root}'
            )
        check_image_names([file], source_root, where, allow_outside=True)
        if file in first_rows:
            raise DataError(
                f'{where}: row {first_rows[file]} has the same image: remove '
                'one'
            )
        first_rows[file] = number
        cells = {k: (row.get(columns.get(k)) or '').strip() for k in _EXTRA}
        keypoints_px, visible = landmarks.read(row, where, report)
        record = CephalometricRecord(
            image_path=Path(file).as_posix(),
            keypoints_px=keypoints_px,
            visible=visible,
            spacing=_read_spacing(row, spacing_columns, where),
            device=cells['device'],
            subject=cells['subject'],
        )
        if 'split' in columns:
            part = name_part(cells['split'], f"{where}, column 'split'")
            record.extra = dict(split=part)
        if record.spacing is not None:
            record.spacing_source = cells['spacing_source'] or 'file'
        # A missing image is reported where images are fetched.
        if is_dicom(source_root / file):
            dicom = read_dicom(source_root / file, max_megapixels)
            for note in dicom.notes:
                report.add('dicom', f'{record.image_path}: {note}')
            record.image = dicom.image
            record.image_path = png_name(record.image_path)
            record.device = record.device or dicom.device
            if record.spacing is None and dicom.spacing is not None:
                record.spacing = dicom.spacing
                record.spacing_source = dicom.spacing_source
        if record.spacing is None:
            report.add('no_spacing', where)
        yield record


def _read_rows(
    path: Path,
) -> tuple[list[str], list[tuple[int, Mapping[str, str]]]]:
    """The header, and the rows with their numbers in the file."""
    columns, found = read_table(path)
    header = [name for name in columns if name.strip()]
    rows = []
    for number, row in found:
        if not any(row.get(name) for name in header):
            continue
        if None in row or None in row.values():
            raise DataError(
                f'{path}: row {number}: it has not as many cells as the '
                f'header ({len(columns)}): add or remove separators'
            )
        rows.append((number, row))
    if not rows:
        raise DataError(
            f'{path} has no row: there is no cephalogram to convert'
        )
    return header, rows


def _read_spacing(
    row: Mapping[str, str], names: Sequence[str | None], where: str
) -> tuple[float, float] | None:
    """(x, y) in mm per pixel; None if the cells are empty or not there."""
    x, y = values = [
        math.nan
        if name is None
        else read_number(row[name], f'{where}, column {name!r}')
        for name in names
    ]
    if math.isnan(x) and math.isnan(y):
        return None
    if not (x > 0 and y > 0):
        raise DataError(
            f'{where}: its spacing is {values}: write two positive numbers '
            'of mm per pixel, along x and y, or leave both empty'
        )
    return x, y


class LandmarkColumns:
    """Columns of a table, and those of the landmarks by codes or names."""

    def __init__(
        self,
        header: Sequence[Any],
        schema: LandmarkSchema,
        where: str,
        pattern: str = '{}_{}',
    ) -> None:
        self.schema = schema
        self.columns: dict[str, str] = {}  # by normalised names
        for name in header:
            key = normalise(name)
            if key in self.columns:
                raise DataError(
                    f'{where}: columns {self.columns[key]!r} and {name!r} '
                    'have the same name but for blanks, underscores and '
                    'case: rename or remove one'
                )
            self.columns[key] = name
        # columns (x, y, v) of each landmark; v may be missing
        self.points: list[tuple[str, str, str | None]] = []
        missing = []
        for landmark in schema.landmarks:
            stems = {normalise(landmark.code), normalise(landmark.name)}
            hits = [
                tuple(
                    self.columns.get(normalise(pattern.format(stem, axis)))
                    for axis in 'xyv'
                )
                for stem in sorted(stems)
            ]
            hits = [hit for hit in hits if None not in hit[:2]]
            if len(hits) > 1:
                raise DataError(
                    f'{where}: landmark {landmark.code} is there twice, in '
                    f'columns {hits[0][0]!r} and {hits[1][0]!r}: remove one'
                )
            self.points += hits
            if not hits:
                missing.append(pattern.format(landmark.code, 'x'))
        if missing:
            example = pattern.format('CODE', 'x'), pattern.format('NAME', 'x')
            raise DataError(
                f'{where}: {len(missing)} of the {len(schema)} landmarks of '
                f'schema {schema.name!r} have no columns: '
                f'{", ".join(missing)} (and y). Columns are called '
                f'{example[0]} or {example[1]}; add empty ones for what is '
                'not labelled, or choose another schema. The file has: '
                f'{", ".join(map(str, self.columns.values()))}'
            )

    def first(self, names: Sequence[str]) -> str | None:
        """The first of several columns that exists."""
        keys = map(normalise, names)
        return next((self.columns[k] for k in keys if k in self.columns), None)

    def report_unknown(
        self, others: set[str | None], report: AnnotationReport
    ) -> None:
        """Count the columns that are neither landmarks nor in ``others``."""
        known = others.union(*self.points)
        for name in self.columns.values():
            if name not in known:
                report.add('ignored_columns', repr(name))

    def read(
        self, row: Mapping[str, Any], where: str, report: AnnotationReport
    ) -> tuple[np.ndarray, np.ndarray]:
        """Landmarks (K, 2), pixels, NaN if empty, and visibility (K,), int."""

        def number(name: str, at: str) -> float:
            return read_number(row.get(name), f'{at}, column {name!r}')

        points = np.full((len(self.points), 2), np.nan)
        visible = np.zeros(len(self.points), np.int64)
        for index, (names, code) in enumerate(
            zip(self.points, self.schema.codes)
        ):
            at = f'{where}, landmark {code}'
            x_name, y_name, v_name = names
            v = 2.0
            if v_name is not None:
                v = number(v_name, at)
                v = 2.0 if math.isnan(v) else v
            if v not in (0, 1, 2):
                raise DataError(
                    f'{at}, column {v_name!r}: {v:g}: write 0 (not labelled), '
                    '1 (hidden) or 2 (visible)'
                )
            # without a label, x and y mean nothing
            x, y = (number(n, at) if v else math.nan for n in names[:2])
            if math.isnan(x) != math.isnan(y):
                raise DataError(
                    f'{at}: only one of {x_name!r} and {y_name!r} has a '
                    'value: fill in both or none'
                )
            if math.isnan(x):
                report.add('not_labelled', at)
                continue
            points[index] = x, y
            visible[index] = int(v)
        return points, visible
