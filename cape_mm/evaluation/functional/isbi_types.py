# Copyright (c) cape_mm contributors. All rights reserved.
"""The eight anatomical types of the ISBI 2015 challenge.

Limits and names are those of ``norms/isbi2015.json``, after Wang et al.,
Medical Image Analysis 31 (2016) 63-76. The challenge has no class for an MW
(distance of the incisors' edges) between 0 and 2 mm, and its class 2, edge to
edge, is exactly 0, which a distance never is: such values get a code of their
own, 0, and agree with each other.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, Mapping

from ..norms.norm import read_entries

#: The measurements, in the order of the challenge; SN-GoGn is its "FMA".
ISBI_MEASUREMENTS = (
    'ANB', 'SNB', 'SNA', 'ODI', 'APDI', 'FHI', 'SN-GoGn', 'MW',
)  # fmt: skip
#: Class of a value that no class of the challenge covers.
UNCLASSIFIED = 0


def isbi_class(measurement: str, value: float) -> int:
    """Tell the type of one value.

    Args:
        measurement (str): One of :data:`ISBI_MEASUREMENTS`.
        value (float): In degrees, for MW in millimetres, for FHI a ratio.

    Returns:
        int: Class 1, 2, 3, or 4; 0 for an MW in (0, 2) mm.

    Raises:
        KeyError: If the measurement tells no type.
    """
    for entry in _classes()[measurement]:
        if _holds(entry, value):
            return entry['code']
    return UNCLASSIFIED


def isbi_types(
    values: Mapping[str, float | None],
) -> dict[str, int | None]:
    """Tell all eight types of a cephalogram.

    Args:
        values (Mapping[str, float | None]): Name of the measurement -> value;
            other measurements are ignored.

    Returns:
        Dict[str, int | None]: Measurement -> class, see :func:`isbi_class`;
        None where the value is None, NaN or not there.
    """
    types = {}
    for name in ISBI_MEASUREMENTS:
        value = values.get(name)
        is_there = value is not None and not math.isnan(value)
        types[name] = isbi_class(name, value) if is_there else None
    return types


def isbi_class_name(measurement: str, code: int) -> str:
    """Name a class.

    Args:
        measurement (str): One of :data:`ISBI_MEASUREMENTS`.
        code (int): The class.

    Returns:
        str: Such as ``'skeletal class II'``.

    Raises:
        KeyError: If the measurement has no such class.
    """
    names = {e['code']: e['name'] for e in _classes()[measurement]}
    if measurement == 'MW':
        names[UNCLASSIFIED] = 'between edge to edge and normal'
    return names[code]


@lru_cache(maxsize=None)
def _classes() -> dict[str, list[dict[str, Any]]]:
    return {
        entry['measurement']: entry['classes']
        for entry in read_entries('isbi2015')
    }


def _holds(entry: Mapping[str, Any], value: float) -> bool:
    """Whether a value is within all limits of a class."""
    infinity = float('inf')
    return (
        entry.get('min', -infinity) <= value <= entry.get('max', infinity)
        and entry.get('above', -infinity) < value
        and value < entry.get('below', infinity)
    )
