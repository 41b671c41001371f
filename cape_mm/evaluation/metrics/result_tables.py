# Copyright (c) cape_mm contributors. All rights reserved.
"""Results as text tables and as files."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any, Sequence

import numpy as np


def format_table(rows: list[dict]) -> str:
    """Text table of rows with the same keys; floats have 4 digits."""
    if not rows:
        return ''
    columns = []
    for key in rows[0]:
        cells = [row[key] for row in rows]
        cells = [f'{c:.4f}' if isinstance(c, float) else str(c) for c in cells]
        cells = [key, *cells]
        width = max(len(cell) for cell in cells)
        is_text = isinstance(rows[0][key], str)
        columns.append(
            [c.ljust(width) if is_text else c.rjust(width) for c in cells]
        )
    lines = ['  '.join(cells).rstrip() for cells in zip(*columns)]
    lines.insert(1, '-' * max(len(line) for line in lines))
    return '\n'.join(lines)


def format_result(
    heading: Sequence[str],
    metrics: dict[str, float],
    intervals: dict[str, list[float]],
    bootstrap: dict | None,
    resampled: str,
) -> str:
    """Lines, and the table of the values with the bootstrap intervals."""
    lines, rows = list(heading), []
    if intervals:
        lines.append(
            f'low, high: {100 * bootstrap["level"]:g} % interval, '
            f'{bootstrap["num_samples"]} resamples of {resampled}'
        )
    for key, value in metrics.items():
        row = dict(metric=key, value=value)
        if intervals:
            row.update(zip(('low', 'high'), intervals.get(key, ('', ''))))
        rows.append(row)
    return '\n'.join([*lines, format_table(rows)])


def check_dump_file(path: str | None) -> None:
    """Check the option ``dump_file`` of a metric."""
    if path is not None and not path.endswith('.json'):
        raise ValueError(f'dump_file must end in .json, not {path!r}')


def write_result_files(path: str, summary: dict, rows: list[dict]) -> None:
    """Write a summary to ``<path>`` and, beside it, rows to a ``.csv`` file.

    A number that is not finite becomes ``null`` and an empty cell, a list in a
    cell is joined by blanks.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(without_nan(summary), indent=1) + '\n')
    with target.with_suffix('.csv').open('w', newline='') as file:
        writer = csv.writer(file, lineterminator='\n')
        if rows:
            writer.writerow(rows[0])
        writer.writerows(map(_cell, row.values()) for row in rows)


def without_nan(value: Any) -> Any:
    """Plain data with None for numbers that JSON does not have."""
    if isinstance(value, dict):
        return {key: without_nan(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [without_nan(part) for part in value]
    is_number = isinstance(value, (float, np.floating))
    return None if is_number and not np.isfinite(value) else value


def _cell(value: Any) -> Any:
    """Value of one cell of a CSV file."""
    if isinstance(value, (list, tuple)):
        return ' '.join(map(str, value))
    return without_nan(value)
