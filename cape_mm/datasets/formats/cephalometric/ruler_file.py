# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from .landmark_columns import read_number

_POINTS = (
    ('ruler_point_up_x', 'ruler_point_up_y'),
    ('ruler_point_down_x', 'ruler_point_down_y'),
)


def read_rulers(
    path: Path, frame_size: tuple[int, int], length_mm: float = 10.0
) -> dict[str, tuple[float, float]]:
    """Read two points per cephalogram that are a known length apart.

    The file is an object of objects, by the key of the cephalogram:
    ``{"7": {"ruler_point_up_x": ..., "ruler_point_up_y": ...,
    "ruler_point_down_x": ..., "ruler_point_down_y": ...}}``. An entry may
    have its own length in ``ruler_mm``. Anything else in it is not looked at.

    Args:
        path (Path): The JSON file.
        frame_size (Tuple[int, int]): Width and height in pixels of the
            images in which the points were marked.
        length_mm (float): Length of the rulers. Defaults to 10.

    Returns:
        Dict[str, Tuple[float, float]]: Width and height of the whole
        cephalogram in millimetres, by its key; cephalograms without both
        points are not there.

    Raises:
        ValueError: If the file has another form. Keys, which may be names of
            persons, are never shown, but only the number of the entry.
    """
    try:
        content = json.loads(path.read_text('utf-8-sig'))
    except ValueError as error:
        raise ValueError(f'{path} is no valid JSON: {error}') from error
    if not isinstance(content, dict):
        raise ValueError(
            f'{path} is no JSON object: write {{"key of cephalogram": '
            f'{{"{_POINTS[0][0]}": ..., ...}}}}'
        )
    sizes = {}
    for number, (key, entry) in enumerate(content.items(), 1):
        where = f'{path}: entry {number}'
        if not isinstance(entry, dict):
            raise ValueError(
                f'{where} is no object: write the four numbers '
                f'{", ".join(name for pair in _POINTS for name in pair)}'
            )
        values = [
            read_number(entry.get(name), f'{where}, {name}')
            for pair in _POINTS
            for name in pair
        ]
        if any(map(math.isnan, values)):
            continue
        length = read_number(entry.get('ruler_mm', length_mm), where)
        distance = math.hypot(values[2] - values[0], values[3] - values[1])
        if not length > 0 or distance == 0:
            raise ValueError(
                f'{where}: {length:g} mm are {distance:g} pixels: mark two '
                'different points, or remove them'
            )
        scale = length / distance
        sizes[cephalogram_key(key)] = (
            frame_size[0] * scale,
            frame_size[1] * scale,
        )
    return sizes


def cephalogram_key(value: Any) -> str:
    """Make the key of a cephalogram one text, however it is stored.

    Args:
        value (Any): Such as ``7``, ``7.0`` or ``' 7 '``.

    Returns:
        str: Such as ``'7'``.
    """
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip()
