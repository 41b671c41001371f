# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from dataclasses import dataclass
from typing import Sequence

import numpy as np
from scipy.stats import kendalltau


@dataclass(frozen=True)
class ValidationTrend:
    """How the last validations compare with those before.

    Attributes:
        last (float): Last value.
        best (float): Best value.
        best_index (int): Its place, from 0; the first of equal ones.
        drop (float): How much worse the last value is than the best one, as
            a share of the best one; 0 if it is the best one.
        stale (int): Validations since the last gain of more than the wanted
            size.
        tau (float): Kendall's tau of the last values against their order,
            in [-1, 1]; positive if they get better. NaN with fewer than 3
            values, 0 if all are equal.
        p_value (float): Probability of a tau at least as far from 0 without
            any trend. NaN where tau says nothing.
    """

    last: float
    best: float
    best_index: int
    drop: float
    stale: int
    tau: float
    p_value: float


def validation_trend(
    values: Sequence[float],
    rule: str,
    min_delta: float = 0.0,
    window: int = 5,
) -> ValidationTrend:
    """Describe a series of validations.

    Args:
        values (Sequence[float]): One value per validation, at least one.
            Values that are not finite are worse than all others.
        rule (str): ``'greater'`` or ``'less'`` is better.
        min_delta (float): A gain counts for ``stale`` if it exceeds this.
            Small gains add up, as in MMEngine's ``EarlyStoppingHook``.
            Defaults to 0.
        window (int): How many last values tau looks at. Defaults to 5.

    Returns:
        ValidationTrend: The description.

    Raises:
        ValueError: If there is no value, or the rule is unknown.
    """
    if rule not in ('greater', 'less'):
        raise ValueError(f"rule is 'greater' or 'less', not {rule!r}")
    if not len(values):
        raise ValueError('there is no validation yet')
    series = np.asarray(values, dtype=np.float64)
    sign = 1.0 if rule == 'greater' else -1.0
    goodness = np.where(np.isfinite(series), sign * series, -np.inf)
    best_index = int(goodness.argmax())
    tau, p_value = _kendall(goodness[-window:])
    return ValidationTrend(
        last=float(series[-1]),
        best=float(series[best_index]),
        best_index=best_index,
        drop=_relative_drop(goodness),
        stale=_count_stale(goodness, min_delta),
        tau=tau,
        p_value=p_value,
    )


def _relative_drop(goodness: np.ndarray) -> float:
    loss = goodness.max() - goodness[-1]
    if not loss > 0:
        return 0.0
    scale = abs(goodness.max())
    return float(loss / scale) if scale else float('inf')


def _count_stale(goodness: np.ndarray, min_delta: float) -> int:
    held, stale = -np.inf, 0
    for value in goodness:
        if value > held + min_delta:
            held, stale = value, 0
        else:
            stale += 1
    return stale


def _kendall(goodness: np.ndarray) -> Sequence[float]:
    if len(goodness) < 3:
        return float('nan'), float('nan')
    if np.all(goodness == goodness[0]):
        return 0.0, float('nan')
    result = kendalltau(np.arange(len(goodness)), goodness)
    return float(result[0]), float(result[1])
