# Copyright (c) cape_mm contributors. All rights reserved.
"""Customary values of measurements, and the types of the ISBI 2015 challenge.

Both are data, the files in ``norms/``. Limits and names of the types are
those of ``norms/isbi2015.json``, after Wang et al., Medical Image Analysis 31
(2016) 63-76. The challenge has no class for an MW (distance of the incisors'
edges) between 0 and 2 mm, and its class 2, edge to edge, is exactly 0, which
a distance never is: such values get a code of their own, 0, and agree with
each other.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Mapping

_FOLDER = Path(__file__).parent / 'norms'


@dataclass(frozen=True)
class Norm:
    """Customary values of a measurement.

    Attributes:
        measurement (str): Name, a key of :data:`FORMULAS`; the values are in
            its unit.
        population (str): Population of the values.
        mean (float, optional): Mean.
        sd (float, optional): Standard deviation.
        band (tuple[float, float], optional): Lower and upper end of the
            normal values, both included.
        source (str): Source of the values.
    """

    measurement: str
    population: str
    mean: float | None
    sd: float | None
    band: tuple[float, float] | None
    source: str

    def judge(self, value: float, margin: float | None = None) -> str:
        """Compare a value with the band.

        Args:
            value (float): Value in the unit of the measurement.
            margin (float, optional): Half width of its 95 % interval.
                Defaults to None, not known.

        Returns:
            str: ``'low'``, ``'normal'``, ``'high'``, or ``'uncertain'`` if an
            end of the band is inside the interval; empty if the norm has no
            band.
        """
        if self.band is None:
            return ''
        ends = {
            self._compare(value + side * (margin or 0)) for side in (-1, 1)
        }
        return ends.pop() if len(ends) == 1 else 'uncertain'

    def _compare(self, value: float) -> str:
        """Side of the band on which a value is."""
        if value < self.band[0]:
            return 'low'
        return 'high' if value > self.band[1] else 'normal'


def available_norms() -> tuple[str, ...]:
    """List the sets of norms.

    Returns:
        tuple[str, ...]: Names of the files in ``norms/``.
    """
    return tuple(sorted(path.stem for path in _FOLDER.glob('*.json')))


def load_norms(name: str = 'customary') -> dict[str, Norm]:
    """Read a set of norms.

    Args:
        name (str): One of :func:`available_norms`. Defaults to
            ``'customary'``.

    Returns:
        dict[str, Norm]: Norm by measurement.

    Raises:
        KeyError: If there is none of that name.
    """
    norms = {}
    for entry in read_entries(name):
        fields = {key: entry[key] for key in Norm.__dataclass_fields__}
        if fields['band'] is not None:
            fields['band'] = tuple(fields['band'])
        norms[entry['measurement']] = Norm(**fields)
    return norms


def read_entries(name: str) -> list[dict[str, Any]]:
    """Entries of a data file; those of ``isbi2015`` have ``classes``."""
    if name not in available_norms():
        raise KeyError(
            f'no norms {name!r}; there are {", ".join(available_norms())}'
        )
    path = _FOLDER / f'{name}.json'
    return json.loads(path.read_text('utf-8'))['norms']


#: The measurements, in the order of the challenge; SN-GoGn is its "FMA".
ISBI_MEASUREMENTS = (
    'ANB', 'SNB', 'SNA', 'ODI', 'APDI', 'FHI', 'SN-GoGn', 'MW',
)  # fmt: skip
#: Class of a value that no class of the challenge covers.
UNCLASSIFIED = 0


def isbi_class(measurement: str, value: float) -> int:
    """Class 1 to 4 of a value in its unit; 0 for MW in (0, 2)."""
    infinity = float('inf')
    for entry in _classes()[measurement]:
        if (
            entry.get('min', -infinity) <= value <= entry.get('max', infinity)
            and entry.get('above', -infinity) < value
            and value < entry.get('below', infinity)
        ):
            return entry['code']
    return UNCLASSIFIED


def isbi_types(values: Mapping[str, float | None]) -> dict[str, int | None]:
    """Class by measurement; None where the value is None, NaN or missing."""
    types = {}
    for name in ISBI_MEASUREMENTS:
        value = values.get(name)
        is_there = value is not None and not math.isnan(value)
        types[name] = isbi_class(name, value) if is_there else None
    return types


def isbi_class_name(measurement: str, code: int) -> str:
    """Name of a class of :func:`isbi_class`, as ``'skeletal class II'``."""
    names = {e['code']: e['name'] for e in _classes()[measurement]}
    if measurement == 'MW':
        names[UNCLASSIFIED] = 'between edge to edge and normal'
    return names[code]


@lru_cache(maxsize=None)
def _classes() -> dict[str, list[dict[str, Any]]]:
    """Classes by measurement."""
    return {
        entry['measurement']: entry['classes']
        for entry in read_entries('isbi2015')
    }
