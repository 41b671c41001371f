# Copyright (c) cape_mm contributors. All rights reserved.
"""Landmarks in the columns of a table, whoever has typed the header."""

from __future__ import annotations

import math
import re
from typing import (
    Any,
    Mapping,
    NamedTuple,
    Sequence,
)

import numpy as np

from cape_mm.datasets.formats.annotation_report import AnnotationReport
from cape_mm.structures import LandmarkSchema

_EMPTY = ('', 'nan', 'na', 'n/a', 'none', 'null')
_PRIMES = str.maketrans('`´’′‘', "'" * 5)


class PointColumns(NamedTuple):
    """Where the table has one landmark.

    Attributes:
        x (str): Column of x, as the header writes it.
        y (str): Column of y.
        v (str, optional): Column of the visibility.
    """

    x: str
    y: str
    v: str | None


def normalise(name: Any) -> str:
    """Make names equal that people take for equal.

    Args:
        name (Any): Such as ``'Gonion _x'``.

    Returns:
        str: Such as ``'gonion_x'``: lower case, each run of blanks and
        underscores one underscore, none at the ends, primes straight.
    """
    text = re.sub(r'[\s_]+', '_', str(name).translate(_PRIMES).lower())
    return text.strip('_')


def index_header(header: Sequence[Any], where: str) -> dict[str, str]:
    """Find columns by their normalised names.

    Args:
        header (Sequence[Any]): Names of the columns.
        where (str): The file, for messages.

    Returns:
        Dict[str, str]: Normalised name -> name.

    Raises:
        ValueError: If two columns have the same name.
    """
    columns: dict[str, str] = {}
    for name in header:
        key = normalise(name)
        if key in columns:
            raise ValueError(
                f'{where}: columns {columns[key]!r} and {name!r} have the '
                'same name but for blanks, underscores and case: rename or '
                'remove one'
            )
        columns[key] = name
    return columns


def match_landmarks(
    columns: Mapping[str, str],
    schema: LandmarkSchema,
    where: str,
    pattern: str = '{}_{}',
) -> list[PointColumns]:
    """Find the columns of all landmarks, by their codes or names.

    Args:
        columns (Mapping[str, str]): From :func:`index_header`.
        schema (LandmarkSchema): K landmarks.
        where (str): The file, for messages.
        pattern (str): How a column is made of landmark and axis. Defaults to
            ``'{}_{}'``, such as ``'S_x'``.

    Returns:
        List[PointColumns]: K entries.

    Raises:
        ValueError: If a landmark has no columns, or has them twice.
    """
    found, missing = [], []
    for landmark in schema.landmarks:
        stems = {normalise(landmark.code), normalise(landmark.name)}
        hits = []
        for stem in sorted(stems):
            x, y, v = (
                columns.get(normalise(pattern.format(stem, axis)))
                for axis in 'xyv'
            )
            if x is not None and y is not None:
                hits.append(PointColumns(x, y, v))
        if len(hits) > 1:
            raise ValueError(
                f'{where}: landmark {landmark.code} is there twice, in '
                f'columns {hits[0].x!r} and {hits[1].x!r}: remove one'
            )
        if hits:
            found.append(hits[0])
        else:
            missing.append(pattern.format(landmark.code, 'x'))
    if missing:
        example = pattern.format('CODE', 'x'), pattern.format('NAME', 'x')
        raise ValueError(
            f'{where}: {len(missing)} of the {len(schema)} landmarks of '
            f'schema {schema.name!r} have no columns: {", ".join(missing)} '
            f'(and y). Columns are called {example[0]} or {example[1]}; add '
            'empty ones for what is not labelled, or choose another schema. '
            f'The file has: {", ".join(map(str, columns.values()))}'
        )
    return found


def read_number(value: Any, where: str) -> float:
    """Read a cell.

    Args:
        value (Any): Number, text or None.
        where (str): File, row and column, for messages.

    Returns:
        float: The number; NaN for an empty cell.

    Raises:
        ValueError: If it is no number, or infinite.
    """
    if value is None:
        return math.nan
    if isinstance(value, str) and value.strip().lower() in _EMPTY:
        return math.nan
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.inf
    if math.isinf(number):
        raise ValueError(
            f'{where}: {value!r} is no number: write digits with a decimal '
            'point, or leave the cell empty if there is none'
        )
    return number


def read_points(
    row: Mapping[str, Any],
    columns: Sequence[PointColumns],
    schema: LandmarkSchema,
    where: str,
    report: AnnotationReport,
) -> tuple[np.ndarray, np.ndarray]:
    """Read the landmarks of a row.

    Args:
        row (Mapping[str, Any]): The row.
        columns (Sequence[PointColumns]): From :func:`match_landmarks`.
        schema (LandmarkSchema): K landmarks.
        where (str): File and row, for messages.
        report (AnnotationReport): Counts empty landmarks.

    Returns:
        tuple:
        - keypoints_px (np.ndarray): (K, 2) float64, x, y; NaN where empty.
        - visible (np.ndarray): (K,) int64; 0 where empty, else 2 or what the
          column of the visibility says.

    Raises:
        ValueError: If a cell is no number, or only one of x and y is there.
    """
    points = np.full((len(columns), 2), np.nan)
    visible = np.zeros(len(columns), np.int64)
    for index, (names, code) in enumerate(zip(columns, schema.codes)):
        at = f'{where}, landmark {code}'
        x, y = (
            read_number(row.get(name), f'{at}, column {name!r}')
            for name in names[:2]
        )
        if math.isnan(x) != math.isnan(y):
            raise ValueError(
                f'{at}: only one of {names.x!r} and {names.y!r} has a value: '
                'fill in both or none'
            )
        wanted = 2.0
        if names.v is not None:
            wanted = read_number(row.get(names.v), f'{at}, column {names.v!r}')
            wanted = 2.0 if math.isnan(wanted) else wanted
            if wanted not in (0, 1, 2):
                raise ValueError(
                    f'{at}, column {names.v!r}: {wanted:g}: write 0 (not '
                    'labelled), 1 (hidden) or 2 (visible)'
                )
        if math.isnan(x) or not wanted:
            report.add('not_labelled', at)
            continue
        points[index] = x, y
        visible[index] = int(wanted)
    return points, visible
