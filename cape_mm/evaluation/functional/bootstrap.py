# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import numpy as np


def bootstrap_interval(
    sums: np.ndarray,
    counts: np.ndarray,
    groups: np.ndarray,
    unit: str = 'episode',
    num_samples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> np.ndarray:
    """Percentile bootstrap interval of a mean over pairs.

    Pairs of one episode share their supports, so that single pairs are never
    drawn. With ``unit='episode'`` whole episodes are drawn with replacement,
    as many as there are within each group: the interval answers how far the
    result would move with other episodes of the same categories. A category
    with a single episode adds no width. With ``unit='category'`` whole groups
    are drawn: the interval answers how far it would move with other
    categories, and is much wider.

    Args:
        sums (np.ndarray): (E, M) sum of M scores over an episode's pairs.
        counts (np.ndarray): (E,) number of pairs that were summed.
        groups (np.ndarray): (E,) category of the episode.
        unit (str): ``'episode'`` or ``'category'``. Defaults to
            ``'episode'``.
        num_samples (int): Number of resamples. Defaults to 1000.
        level (float): Probability that the interval covers. Defaults to
            0.95.
        seed (int): Seed of a generator of its own. Defaults to 0.

    Returns:
        np.ndarray: (2, M) float64, lower and upper ends; NaN if no pair was
        counted.
    """
    rng = np.random.default_rng(seed)
    table = np.column_stack([sums, counts]).astype(np.float64)
    names, group = np.unique(groups, return_inverse=True)
    blocks = [table[group == number] for number in range(len(names))]
    if unit == 'category':
        blocks = [np.stack([block.sum(axis=0) for block in blocks])]
    totals = np.zeros((num_samples, table.shape[1]))
    for block in blocks:
        size = len(block)
        # how often each row is drawn, in all resamples at once
        draws = rng.multinomial(size, np.full(size, 1 / size), num_samples)
        totals += draws @ block
    totals = totals[totals[:, -1] > 0]
    if not len(totals):
        return np.full((2, table.shape[1] - 1), np.nan)
    means = totals[:, :-1] / totals[:, -1:]
    outside = (1 - level) / 2
    return np.quantile(means, [outside, 1 - outside], axis=0)
