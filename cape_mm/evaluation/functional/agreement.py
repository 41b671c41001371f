# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import numpy as np


def difference_agreement(
    predicted: np.ndarray, truth: np.ndarray, is_angle: bool = False
) -> dict[str, float]:
    """How two series of one measurement agree.

    Limits of agreement: Bland and Altman, Lancet 327 (1986) 307-310.

    Args:
        predicted (np.ndarray): (N,) values.
        truth (np.ndarray): (N,) values in the same unit. Pairs of which one
            is NaN are left out.
        is_angle (bool): Whether the values are degrees, of which 359 and -1
            are the same. Defaults to False.

    Returns:
        Dict[str, float]: ``N`` pairs (int), ``error`` = mean absolute
        difference, ``bias`` = mean of predicted - truth, ``SD`` of the
        differences with N - 1, ``low`` and ``high`` = bias -/+ 1.96 SD. NaN
        where there are too few pairs.
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
    """Share of equal classes: the diagonal of the confusion matrix.

    Args:
        predicted (np.ndarray): (N,) classes.
        truth (np.ndarray): (N,) classes.

    Returns:
        float: Percent; NaN without any class.
    """
    same = np.asarray(predicted) == np.asarray(truth)
    return 100.0 * float(same.mean()) if same.size else float('nan')


def cohen_kappa(predicted: np.ndarray, truth: np.ndarray) -> float:
    """Agreement of classes beyond chance.

    Cohen, Educational and Psychological Measurement 20 (1960) 37-46, without
    weights.

    Args:
        predicted (np.ndarray): (N,) classes.
        truth (np.ndarray): (N,) classes.

    Returns:
        float: At most 1, 0 for chance; NaN if chance alone agrees always, as
        with a single class, or without any class.
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
    observed = float((predicted == truth).mean())
    if np.isclose(by_chance, 1.0):
        return float('nan')
    return (observed - by_chance) / (1.0 - by_chance)
