# Copyright (c) cape_mm contributors. All rights reserved.
"""Values of annotation files: what they may be, or one sentence of error."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Sequence

import numpy as np
from mmengine.fileio import get

from cape_mm.datasets.formats.annotation_report import AnnotationReport
from cape_mm.datasets.formats.image_paths import is_regular_file
from cape_mm.errors import DataError, shorten

#: Largest magnitude of a coordinate: beyond, it is a mistake, and float32
#: loses whole pixels.
LARGEST = 1e7


def read_json(path: str | Path) -> Any:
    """Content of a JSON file or URL, UTF-8 with or without byte order mark.

    Args:
        path (str | Path): File or URL.

    Returns:
        Any: Content.

    Raises:
        FileNotFoundError: If there is no such file.
        DataError: If it is no regular file or no JSON.
    """
    if '://' not in str(path):
        if not Path(path).exists():
            raise FileNotFoundError(f'there is no file {path}')
        if not is_regular_file(path):
            raise DataError(f'{path} is no regular file: give a .json file')
    try:
        return json.loads(get(str(path)).decode('utf-8-sig'))
    except (ValueError, RecursionError) as error:
        raise DataError(
            f'annotation file {path} is no valid JSON, perhaps it was '
            f'not written or downloaded completely: {error}'
        ) from None


def as_dict(value: Any, where: str) -> dict:
    """An object, or an error."""
    if not isinstance(value, dict):
        raise DataError(f'{where} is {shorten(value)}, not an object')
    return value


def as_list(value: Any, where: str, length: int | None = None) -> list:
    """A list, of a certain length if given, or an error."""
    if not isinstance(value, (list, tuple)):
        raise DataError(f'{where} is {shorten(value)}, not a list')
    if length is not None and len(value) != length:
        raise DataError(
            f'{where} has {len(value)} entries, must have {length}: '
            f'{shorten(value)}'
        )
    return list(value)


def as_text(value: Any, where: str) -> str:
    """A text that is not empty, or an error."""
    if not isinstance(value, str) or not value.strip():
        raise DataError(f'{where} is {shorten(value)}, not a text')
    return value


def is_number(value: Any) -> bool:
    """Whether it is a finite number that a coordinate can be."""
    return (
        isinstance(value, (int, float))
        and not isinstance(value, bool)
        and -LARGEST <= value <= LARGEST  # also False for NaN
    )


def as_number(value: Any, where: str) -> float:
    """A number, finite and of at most :data:`LARGEST`, or an error."""
    if not is_number(value):
        raise DataError(
            f'{where} is {shorten(value)}, not a number within ±{LARGEST:g}'
        )
    return float(value)


def as_id(value: Any, where: str) -> int:
    """A whole number of at most 63 bits, or an error."""
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    if isinstance(value, float) and value.is_integer():
        value, is_whole = int(value), True
    if not is_whole or not -(2**63) <= value < 2**63:
        raise DataError(f'{where} is {shorten(value)}, not a whole number')
    return value


def as_flag(value: Any, where: str) -> bool:
    """0, 1, true, false or null, or an error; the text ``'0'`` is none."""
    if value is None:
        return False
    if isinstance(value, bool) or (
        isinstance(value, (int, float)) and value in (0, 1)
    ):
        return bool(value)
    raise DataError(f'{where} is {shorten(value)}, must be 0 or 1')


def as_keypoints(values: Any, where: str, count: int) -> np.ndarray:
    """Keypoints (K, 3), float64, of a flat list x, y, v of K keypoints.

    Where v is 0, x and y mean nothing and may be null or NaN; the row is then
    zeros, unless both are numbers. v is a number, or null without a place.
    """
    values = as_list(values, where, 3 * count)
    points = np.zeros((count, 3))
    for index in range(count):
        x, y, v = values[3 * index : 3 * index + 3]
        has_place = is_number(x) and is_number(y)
        state = 0.0
        if v is not None or (has_place and (x or y)):
            state = as_number(v, f'{where}: v of keypoint {index}')
        if has_place:
            points[index] = x, y, state
        elif state > 0:
            as_number(x, f'{where}: x of keypoint {index}')
            as_number(y, f'{where}: y of keypoint {index}')
    return points


def as_box(value: Any, where: str) -> np.ndarray:
    """Four numbers (4,), float64, or an error."""
    return np.array(
        [as_number(number, where) for number in as_list(value, where, 4)]
    )


def refuse_repeated(ids: Sequence[Any], what: str, where: str) -> None:
    """Refuse ids that occur twice."""
    seen: set[Any] = set()
    twice = [key for key in ids if key in seen or seen.add(key)]
    if twice:
        raise DataError(
            f'{where}: {len(twice)} {what} occur(s) twice, e.g. '
            f'{shorten(twice[0])}: which one is meant is unknown, renumber'
        )


def unique_entries(
    entries: list[dict], where: str, report: AnnotationReport
) -> dict[Any, dict]:
    """Entries by id; copies are counted, others of the same id refused."""
    found: dict[Any, dict] = {}
    for entry in entries:
        if found.setdefault(entry['id'], entry) is entry:
            continue
        if found[entry['id']] != entry:
            raise DataError(
                f'{where}: the id {shorten(entry["id"])} occurs twice: which '
                'entry is meant is unknown, renumber'
            )
        report.add('duplicate_id', f'{where}: {shorten(entry["id"])}')
    return found
