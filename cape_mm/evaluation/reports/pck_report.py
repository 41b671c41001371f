# Copyright (c) cape_mm contributors. All rights reserved.
"""What :class:`EpisodePCK` says in the log."""

from __future__ import annotations

from ..scoring.pair_scorer import PairScorer
from .score_table import format_table

_POLICY = dict(zero='count 0', skip='are left out')
_DRAWN = dict(
    episode='whole episodes within their category',
    category='whole categories',
)


def report_groups(heading: str, rows: list[dict]) -> str:
    """Means by group as a table.

    Args:
        heading (str): What the groups are, such as 'category'.
        rows (List[dict]): With ``name``, ``pairs``, ``empty`` and the scores.

    Returns:
        str: Several lines.
    """
    table = []
    for row in rows:
        scores = {key: row[key] for key in row if key != 'name'}
        table.append({heading: row['name'] or '(none)', **scores})
    return f'PCK by {heading}, mean over pairs\n{format_table(table)}'


def report_result(
    total: dict,
    scorer: PairScorer,
    intervals: dict[str, list[float]],
    bootstrap: dict | None,
) -> str:
    """The result and how it was taken.

    Args:
        total (dict): With ``pairs`` and the scores.
        scorer (PairScorer): What made the scores.
        intervals (Dict[str, List[float]]): Both ends by score; may be empty.
        bootstrap (dict, optional): How they were made.

    Returns:
        str: Several lines.
    """
    lines = [
        f'Result: mean over {total["pairs"]} pairs, empty pairs '
        f'{_POLICY[scorer.empty_pair]}'
    ]
    if 'mPCK' in scorer.extras:
        listed = ', '.join(f'{value:g}' for value in scorer.thresholds)
        lines.append(f'mPCK: mean over the thresholds {listed}')
    if intervals:
        lines.append(
            f'low, high: {100 * bootstrap["level"]:g} % interval, '
            f'{bootstrap["num_samples"]} resamples of '
            f'{_DRAWN[bootstrap["unit"]]}'
        )
    rows = []
    for key in scorer.keys:
        ends = dict(zip(('low', 'high'), intervals.get(key, ())))
        rows.append(dict(metric=key, value=total[key], **ends))
    return '\n'.join([*lines, format_table(rows)])


def report_empty(total: dict, scorer: PairScorer) -> str:
    """How many pairs have nothing to measure, and what they count.

    Args:
        total (dict): With ``pairs`` and ``empty``.
        scorer (PairScorer): What made the scores.

    Returns:
        str: One sentence.
    """
    return (
        f'{total["empty"]} of {total["pairs"]} pairs have no keypoint that '
        'is labelled in the query and in all supports; they '
        f'{_POLICY[scorer.empty_pair]}'
    )
