# Copyright (c) cape_mm contributors. All rights reserved.
"""Agreement of two series, bootstrap intervals, trend of a series."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Sequence

import numpy as np


def defined_mean(values: Sequence[float] | np.ndarray) -> float:
    """Mean of the values (N,) that are no NaN; NaN if nothing is left."""
    values = np.asarray(values, dtype=np.float64)
    values = values[~np.isnan(values)]
    return float(values.mean()) if len(values) else float('nan')


def difference_agreement(
    predicted: np.ndarray, truth: np.ndarray, is_angle: bool = False
) -> dict[str, float]:
    """Agreement of two series (N,) of one measurement.

    Limits of agreement: Bland and Altman, Lancet 327 (1986) 307-310. Pairs
    with a NaN are left out; of angles, in degrees, 359 and -1 are the same.
    ``N`` pairs, ``error`` = mean absolute difference, ``bias`` = mean of
    predicted - truth, ``SD`` of the differences with N - 1, ``low`` and
    ``high`` = bias -/+ 1.96 SD; NaN with too few pairs.
    """
    difference = np.asarray(predicted, np.float64) - np.asarray(truth)
    difference = difference[~np.isnan(difference)]
    if is_angle:
        difference = (difference + 180.0) % 360.0 - 180.0
    count = len(difference)
    bias = float(difference.mean()) if count else float('nan')
    spread = float(difference.std(ddof=1)) if count > 1 else float('nan')
    return dict(
        N=count,
        error=float(np.abs(difference).mean()) if count else float('nan'),
        bias=bias,
        SD=spread,
        low=bias - 1.96 * spread,
        high=bias + 1.96 * spread,
    )


def classification_rate(predicted: np.ndarray, truth: np.ndarray) -> float:
    """Percent of equal classes (N,), the share on the diagonal, or NaN."""
    same = np.asarray(predicted) == np.asarray(truth)
    return 100.0 * float(same.mean()) if same.size else float('nan')


def cohen_kappa(predicted: np.ndarray, truth: np.ndarray) -> float:
    """Agreement of classes (N,) beyond chance, at most 1, 0 for chance.

    Cohen, Educational and Psychological Measurement 20 (1960) 37-46, without
    weights. NaN without any class, or where chance alone agrees always.
    """
    predicted, truth = np.asarray(predicted), np.asarray(truth)
    if not truth.size:
        return float('nan')
    classes = np.unique(np.concatenate([predicted, truth]))
    shares = [
        (series[:, None] == classes).mean(axis=0)
        for series in (predicted, truth)
    ]
    by_chance = float(np.dot(*shares))
    if np.isclose(by_chance, 1.0):
        return float('nan')
    observed = float((predicted == truth).mean())
    return (observed - by_chance) / (1.0 - by_chance)


def bootstrap_interval(
    sums: np.ndarray,
    counts: np.ndarray,
    groups: np.ndarray,
    unit: str = 'episode',
    num_samples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> np.ndarray:
    """Percentile bootstrap interval of a mean over pairs: its ends (2, M).

    ``sums`` (E, M) are those of M scores over each episode's pairs, ``counts``
    (E,) the numbers of pairs, ``groups`` (E,) the categories; ``level`` is the
    covered probability. NaN if no pair is counted.

    Pairs of one episode share their supports, so that single pairs are never
    resampled. With ``unit='episode'`` whole episodes are resampled with
    replacement within their category: the interval covers other episodes of
    the same categories. A category with a single episode adds no width. With
    ``unit='category'`` whole categories are resampled: the interval covers
    other categories, and is much wider.
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
        # Times that each row is taken, in all resamples at once.
        times = rng.multinomial(size, np.full(size, 1 / size), num_samples)
        totals += times @ block
    totals = totals[totals[:, -1] > 0]
    if not len(totals):
        return np.full((2, table.shape[1] - 1), np.nan)
    means = totals[:, :-1] / totals[:, -1:]
    outside = (1 - level) / 2
    return np.quantile(means, [outside, 1 - outside], axis=0)


@dataclass(frozen=True)
class ValidationTrend:
    """Comparison of the last validations with those before.

    Last value, best value and its first index; loss of the last value as a
    share of the best one; validations since the last gain of more than
    ``min_delta``; Kendall's tau-b of the last values against their order,
    positive if they get better, NaN with fewer than 3, 0 if all are equal.
    """

    last: float
    best: float
    best_index: int
    drop: float
    stale: int
    tau: float


def validation_trend(
    values: Sequence[float],
    rule: str,
    min_delta: float = 0.0,
    window: int = 5,
) -> ValidationTrend:
    """Describe a series of validations; ``rule`` is greater or less.

    Values that are not finite are worse than all others. Gains of at most
    ``min_delta`` add up, as in MMEngine's ``EarlyStoppingHook``; tau is that
    of the last ``window`` values.
    """
    if rule not in ('greater', 'less'):
        raise ValueError(f"rule is 'greater' or 'less', not {rule!r}")
    if not len(values):
        raise ValueError('there is no validation yet')
    series = np.asarray(values, dtype=np.float64)
    gains = series if rule == 'greater' else -series
    goodness = np.where(np.isfinite(series), gains, -np.inf)
    best_index = int(goodness.argmax())
    best, drop = goodness[best_index], 0.0
    if best > goodness[-1]:
        drop = (best - goodness[-1]) / abs(best) if best else float('inf')
    held, stale = -np.inf, 0
    for value in goodness:
        stale += 1
        if value > held + min_delta:
            held, stale = value, 0
    return ValidationTrend(
        last=float(series[-1]),
        best=float(series[best_index]),
        best_index=best_index,
        drop=float(drop),
        stale=stale,
        tau=_kendall(goodness[-window:]),
    )


def _kendall(values: np.ndarray) -> float:
    """Kendall's tau-b of (N,) values against their order."""
    if len(values) < 3:
        return float('nan')
    first, second = np.triu_indices(len(values), k=1)
    rises = values[second] > values[first]
    falls = values[second] < values[first]
    untied = rises.sum() + falls.sum()
    if not untied:
        return 0.0
    return float((rises.sum() - falls.sum()) / np.sqrt(untied * len(first)))
