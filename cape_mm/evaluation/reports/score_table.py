# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations


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
