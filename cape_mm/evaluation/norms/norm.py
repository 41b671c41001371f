# Copyright (c) cape_mm contributors. All rights reserved.
"""What measurements are compared with: the data files beside this module."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Norm:
    """The customary values of a measurement.

    Attributes:
        measurement (str): Its name, a key of
            :func:`cape_mm.evaluation.functional.measure`; the values are in
            its unit.
        population (str): Whose values they are.
        mean (float, optional): Mean.
        sd (float, optional): Standard deviation.
        band (Tuple[float, float], optional): Lower and upper end of what is
            normal, both included.
        source (str): Where the values come from.
    """

    measurement: str
    population: str
    mean: float | None
    sd: float | None
    band: tuple[float, float] | None
    source: str

    def judge(self, value: float) -> str:
        """Say where a value lies.

        Args:
            value (float): In the unit of the measurement.

        Returns:
            str: ``'low'``, ``'normal'`` or ``'high'``; empty if the norm has
            no band.
        """
        if self.band is None:
            return ''
        if value < self.band[0]:
            return 'low'
        return 'high' if value > self.band[1] else 'normal'


def available_norms() -> tuple[str, ...]:
    """List the sets of norms.

    Returns:
        Tuple[str, ...]: Their names.
    """
    return tuple(sorted(path.stem for path in _FOLDER.glob('*.json')))


def load_norms(name: str = 'customary') -> dict[str, Norm]:
    """Read a set of norms.

    Args:
        name (str): One of :func:`available_norms`. Defaults to
            ``'customary'``.

    Returns:
        Dict[str, Norm]: By measurement.

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
    """Read the entries of a data file as they are.

    Args:
        name (str): One of :func:`available_norms`.

    Returns:
        List[Dict[str, Any]]: With the fields of :class:`Norm`; those of
        ``'isbi2015'`` also have ``classes``.

    Raises:
        KeyError: If there is none of that name.
    """
    if name not in available_norms():
        raise KeyError(
            f'no norms {name!r}; there are {", ".join(available_norms())}'
        )
    path = _FOLDER / f'{name}.json'
    return json.loads(path.read_text('utf-8'))['norms']
