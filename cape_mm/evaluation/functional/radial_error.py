# Copyright (c) cape_mm contributors. All rights reserved.
"""Radial errors of landmarks: MRE, SDR, and a table by landmark."""

from __future__ import annotations

from typing import Sequence

import numpy as np


def landmark_offsets(
    predicted: np.ndarray, truth: np.ndarray, spacing: np.ndarray | None = None
) -> np.ndarray:
    """Predicted minus true landmarks (N, K, 2); in mm with spacing (N, 2)."""
    predicted = np.asarray(predicted, dtype=np.float64)
    truth = np.asarray(truth, dtype=np.float64)
    if predicted.shape != truth.shape:
        raise ValueError(
            f'predicted landmarks have the shape {predicted.shape}, the true '
            f'ones {truth.shape}'
        )
    offsets = predicted - truth
    if spacing is None:
        return offsets
    spacing = np.asarray(spacing, dtype=np.float64)
    if spacing.shape != (len(offsets), 2):
        raise ValueError(
            f'spacing has the shape {spacing.shape}, not ({len(offsets)}, 2)'
        )
    if not (np.isfinite(spacing) & (spacing > 0)).all():
        raise ValueError('a spacing is not a positive number')
    return offsets * spacing[:, None]


def radial_errors(offsets: np.ndarray) -> np.ndarray:
    """Lengths (...) of the offsets (..., 2), in their unit."""
    return np.linalg.norm(offsets, axis=-1)


def mean_radial_error(errors: np.ndarray, valid: np.ndarray) -> float:
    """Mean of the errors (N, K) of valid landmarks, MRE; NaN if none is."""
    return float(errors[valid].mean()) if valid.any() else float('nan')


def radial_error_spread(errors: np.ndarray, valid: np.ndarray) -> float:
    """Standard deviation of all errors (N, K) of valid landmarks, or NaN."""
    return float(errors[valid].std()) if valid.any() else float('nan')


def image_errors(errors: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Mean error (N,) of each image over valid landmarks (N, K), or NaN."""
    count = valid.sum(axis=1)
    total = np.where(valid, errors, 0.0).sum(axis=1)
    return total / np.where(count > 0, count, np.nan)


def detected(
    errors: np.ndarray, threshold: float, strict: bool = False
) -> np.ndarray:
    """Landmarks (...), bool, of an error at most, or below, the threshold."""
    return errors < threshold if strict else errors <= threshold


def detection_rate(
    errors: np.ndarray,
    valid: np.ndarray,
    threshold: float,
    strict: bool = False,
) -> float:
    """Detection rate, SDR: percent of valid landmarks (N, K), or NaN."""
    if not valid.any():
        return float('nan')
    return 100.0 * float(detected(errors[valid], threshold, strict).mean())


def errors_by_landmark(
    offsets: np.ndarray,
    valid: np.ndarray,
    names: Sequence[str],
    thresholds: Sequence[float] = (),
    strict: bool = False,
) -> list[dict]:
    """Row of each landmark, from offsets (N, K, 2); NaN if never valid."""
    errors = radial_errors(offsets)
    rows = []
    for index, name in enumerate(names):
        counted = valid[:, index]
        count = int(counted.sum())
        own, steps = errors[counted, index], offsets[counted, index]
        if not count:  # a row of NaN
            own, steps = np.full(1, np.nan), np.full((1, 2), np.nan)
        row = dict(
            landmark=name,
            N=count,
            mean=float(own.mean()),
            SD=float(own.std()),
            median=float(np.median(own)),
            p95=float(np.quantile(own, 0.95)),
            max=float(own.max()),
        )
        for threshold in thresholds:
            share = float(detected(own, threshold, strict).mean())
            rate = 100.0 * share if count else float('nan')
            row[f'SDR_{threshold:g}'] = rate
        row.update(zip(('dx', 'dy'), steps.mean(axis=0).tolist()))
        rows.append(row)
    return rows
