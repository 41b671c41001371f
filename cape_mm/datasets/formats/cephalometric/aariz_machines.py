# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import csv
from pathlib import Path
from typing import NamedTuple

from .landmark_columns import normalise, read_number

TABLE = 'cephalogram_machine_mappings.csv'


class Machine(NamedTuple):
    """Where a cephalogram comes from.

    Attributes:
        name (str): The device.
        pixel_size (float): Millimetres per pixel.
    """

    name: str
    pixel_size: float


def read_machines(path: Path) -> dict[str, Machine]:
    """Read the table of devices.

    Args:
        path (Path): ``cephalogram_machine_mappings.csv``.

    Returns:
        Dict[str, Machine]: By the id of the cephalogram; empty without the
        table.

    Raises:
        ValueError: If it lacks a column, or a pixel size is wrong.
    """
    machines: dict[str, Machine] = {}
    if not path.is_file():
        return machines
    reader = csv.DictReader(path.read_text('utf-8-sig').splitlines())
    names = {normalise(name): name for name in reader.fieldnames or []}
    missing = {'cephalogram_id', 'machine', 'pixel_size'} - names.keys()
    if missing:
        raise ValueError(
            f'{path} has no column {", ".join(sorted(missing))}: fetch it '
            'again'
        )
    for row in reader:
        cephalogram = (row[names['cephalogram_id']] or '').strip()
        where = f'{path}: row {reader.line_num} ({cephalogram})'
        size = read_number(row[names['pixel_size']], where)
        if not size > 0 or cephalogram in machines:
            raise ValueError(
                f'{where}: pixel size {size:g}; one row per image with a '
                'positive number of mm per pixel is needed'
            )
        name = (row[names['machine']] or '').strip()
        machines[cephalogram] = Machine(name, size)
    return machines
