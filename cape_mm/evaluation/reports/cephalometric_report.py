# Copyright (c) cape_mm contributors. All rights reserved.
"""What :class:`CephalometricMetric` says in the log."""

from typing import Dict, List, Optional

from .score_table import format_table


def report_landmarks(rows: List[dict], unit: str) -> str:
    """The table of the landmarks.

    Args:
        rows (List[dict]): Of :func:`landmark_table`.
        unit (str): Of the errors.

    Returns:
        str: Several lines.
    """
    return (
        f'Radial errors by landmark in {unit}; SDR in percent; dx, dy: bias '
        f'to the right and downwards\n{format_table(rows)}'
    )


def report_devices(rows: List[dict], unit: str) -> str:
    """The table of the X-ray devices.

    Args:
        rows (List[dict]): With ``device``, ``films`` and the scores.
        unit (str): Of the errors.

    Returns:
        str: Several lines.
    """
    rows = [dict(row, device=row['device'] or '(none)') for row in rows]
    return f'Radial errors by device in {unit}\n{format_table(rows)}'


def report_worst(rows: List[dict], unit: str, count: int = 5) -> str:
    """The films with the largest mean errors.

    Args:
        rows (List[dict]): With ``img_id``, ``img_path``, ``mean`` and
            ``worst_landmark``, the worst first.
        unit (str): Of the errors.
        count (int): How many to show. Defaults to 5.

    Returns:
        str: Several lines.
    """
    shown = [
        {
            'film': f'{row["img_id"]} {row["img_path"]}',
            'worst landmark': row['worst_landmark'],
            'mean': row['mean'],
            'max': row['max'],
        }
        for row in rows[:count]
    ]
    return f'Films with the largest errors in {unit}\n{format_table(shown)}'


def report_result(
    metrics: Dict[str, float],
    intervals: Dict[str, List[float]],
    bootstrap: Optional[dict],
    spread: str,
    shape_source: str,
) -> str:
    """The result and how it was taken.

    Args:
        metrics (Dict[str, float]): By key.
        intervals (Dict[str, List[float]]): Both ends by key; may be empty.
        bootstrap (dict, optional): How they were made.
        spread (str): How far the films' means differ.
        shape_source (str): Whose mean shape ``skill`` compares with.

    Returns:
        str: Several lines.
    """
    lines = [
        'Result: MRE and SD over all labelled landmarks in one pool; SDR in '
        f'percent; PCK from 0 to 1. {spread}. Skill is against the mean shape '
        f'of {shape_source}'
    ]
    if intervals:
        lines.append(
            f'low, high: {100 * bootstrap["level"]:g} % interval, '
            f'{bootstrap["num_samples"]} resamples of whole films'
        )
    rows = []
    for key, value in metrics.items():
        row = dict(metric=key, value=value)
        if intervals:
            row.update(zip(('low', 'high'), intervals.get(key, ('', ''))))
        rows.append(row)
    return '\n'.join([*lines, format_table(rows)])
