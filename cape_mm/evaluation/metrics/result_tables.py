# Copyright (c) cape_mm contributors. All rights reserved.
"""Results as text tables and as files."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from typing import Any


def write_result_files(path: str, summary: dict, pairs: list[dict]) -> None:
    """Write ``<path>`` and, beside it, the pairs as ``.csv``.

    Args:
        path (str): File that ends in ``.json``; its folder is made.
        summary (dict): Plain data; NaN becomes ``null``.
        pairs (List[dict]): Rows with the same keys, which head the columns;
            NaN becomes an empty cell, a list is joined by blanks.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(_without_nan(summary), indent=1) + '\n')
    with target.with_suffix('.csv').open('w', newline='') as file:
        writer = csv.writer(file, lineterminator='\n')
        if pairs:
            writer.writerow(pairs[0])
        writer.writerows(map(_cell, pair.values()) for pair in pairs)


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(part) for part in value]
    return None if _is_nan(value) else value


def _cell(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return ' '.join(map(str, value))
    return None if _is_nan(value) else value


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def format_table(rows: list[dict]) -> str:
    """Format rows as a table of plain text.

    Args:
        rows (List[dict]): Rows with the same keys, which head the columns.

    Returns:
        str: Several lines; floats have 4 digits, only texts are on the left.
    """
    if not rows:
        return ''
    columns = []
    for key in rows[0]:
        cells = [key] + [_format_cell(row[key]) for row in rows]
        width = max(len(cell) for cell in cells)
        is_text = isinstance(rows[0][key], str)
        columns.append(
            [c.ljust(width) if is_text else c.rjust(width) for c in cells]
        )
    lines = ['  '.join(cells).rstrip() for cells in zip(*columns)]
    lines.insert(1, '-' * max(len(line) for line in lines))
    return '\n'.join(lines)


def _format_cell(value: str | int | float) -> str:
    return f'{value:.4f}' if isinstance(value, float) else str(value)
