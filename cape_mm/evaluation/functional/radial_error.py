# Copyright (c) cape_mm contributors. All rights reserved.
"""Radial errors of landmarks: MRE, SDR, and a table by landmark."""

from __future__ import annotations

from typing import Dict, Sequence, Union

import numpy as np


def landmark_offsets(
    predicted: np.ndarray,
    truth: np.ndarray,
    spacing: np.ndarray | None = None,
) -> np.ndarray:
    """Predicted minus true positions.

    Args:
        predicted (np.ndarray): Landmarks (N, K, 2), original pixels.
        truth (np.ndarray): True landmarks (N, K, 2), same frame.
        spacing (np.ndarray, optional): Millimetres per pixel (N, 2) along x
            and y. Defaults to None, the result is in pixels.

    Returns:
        np.ndarray: Offsets (N, K, 2), float64.

    Raises:
        ValueError: If shapes do not fit, or a spacing is not positive.
    """
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
    """Distances of predicted from true positions.

    Args:
        offsets (np.ndarray): Offsets (..., 2) of :func:`landmark_offsets`.

    Returns:
        np.ndarray: Distances (...), in the unit of the offsets.
    """
    return np.linalg.norm(offsets, axis=-1)


def mean_radial_error(errors: np.ndarray, valid: np.ndarray) -> float:
    """Mean over all landmarks that count, MRE.

    Args:
        errors (np.ndarray): Radial errors (N, K).
        valid (np.ndarray): Landmarks (N, K), bool, that count.

    Returns:
        float: In the unit of the errors; NaN if none counts.
    """
    return float(errors[valid].mean()) if valid.any() else float('nan')


def radial_error_spread(errors: np.ndarray, valid: np.ndarray) -> float:
    """Standard deviation over all landmarks that count, taken as one pool.

    Args:
        errors (np.ndarray): Radial errors (N, K).
        valid (np.ndarray): Landmarks (N, K), bool, that count.

    Returns:
        float: In the unit of the errors, with N as divisor; NaN if none
        counts.
    """
    return float(errors[valid].std()) if valid.any() else float('nan')


def image_errors(errors: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Mean radial error of each image.

    Args:
        errors (np.ndarray): Radial errors (N, K).
        valid (np.ndarray): Landmarks (N, K), bool, that count.

    Returns:
        np.ndarray: Means (N,), in the unit of the errors; NaN for an image
        without landmark that counts.
    """
    count = valid.sum(axis=1)
    total = np.where(valid, errors, 0.0).sum(axis=1)
    return total / np.where(count > 0, count, np.nan)


def detected(
    errors: np.ndarray, threshold: float, strict: bool = False
) -> np.ndarray:
    """Landmarks that are found.

    Args:
        errors (np.ndarray): Radial errors (...).
        threshold (float): Largest error, in the same unit.
        strict (bool): Whether the error must be below the threshold instead
            of at most the threshold. Defaults to False.

    Returns:
        np.ndarray: Found landmarks (...), bool.
    """
    return errors < threshold if strict else errors <= threshold


def detection_rate(
    errors: np.ndarray,
    valid: np.ndarray,
    threshold: float,
    strict: bool = False,
) -> float:
    """Success detection rate, SDR: share of the landmarks that are found.

    Args:
        errors (np.ndarray): Radial errors (N, K).
        valid (np.ndarray): Landmarks (N, K), bool, that count.
        threshold (float): Largest error, in the same unit.
        strict (bool): See :func:`detected`. Defaults to False.

    Returns:
        float: Percent; NaN if no landmark counts.
    """
    if not valid.any():
        return float('nan')
    return 100.0 * float(detected(errors[valid], threshold, strict).mean())


Row = Dict[str, Union[str, int, float]]


def landmark_table(
    offsets: np.ndarray,
    valid: np.ndarray,
    names: Sequence[str],
    thresholds: Sequence[float] = (),
    strict: bool = False,
) -> list[Row]:
    """Describe the errors of each landmark.

    Args:
        offsets (np.ndarray): Offsets (N, K, 2), predicted minus true.
        valid (np.ndarray): Landmarks (N, K), bool, that count.
        names (Sequence[str]): Names of the K rows.
        thresholds (Sequence[float]): Thresholds of the detection rates, in
            the unit of the offsets. Defaults to none.
        strict (bool): See :func:`detected`. Defaults to False.

    Returns:
        List[Dict]: K rows with ``landmark``, ``N`` images, ``mean``,
        ``SD``, ``median``, ``p95`` (95th percentile) and ``max`` of the
        radial errors, ``SDR_<threshold>`` in percent, ``dx`` and ``dy`` = mean
        offset, that is the bias to the right and downwards. NaN for a
        landmark that never counts.
    """
    errors = radial_errors(offsets)
    rows = []
    for index, name in enumerate(names):
        counted = valid[:, index]
        rows.append(
            _describe(
                name,
                errors[counted, index],
                offsets[counted, index],
                thresholds,
                strict,
            )
        )
    return rows


def _describe(
    name: str,
    errors: np.ndarray,
    offsets: np.ndarray,
    thresholds: Sequence[float],
    strict: bool,
) -> Row:
    """Row of one landmark."""
    count = len(errors)
    if not count:  # a row of NaN
        errors, offsets = np.full(1, np.nan), np.full((1, 2), np.nan)
    row: Row = dict(
        landmark=name,
        N=count,
        mean=float(errors.mean()),
        SD=float(errors.std()),
        median=float(np.median(errors)),
        p95=float(np.quantile(errors, 0.95)),
        max=float(errors.max()),
    )
    for threshold in thresholds:
        share = detected(errors, threshold, strict).mean()
        rate = 100.0 * float(share) if count else float('nan')
        row[f'SDR_{threshold:g}'] = rate
    row.update(zip(('dx', 'dy'), offsets.mean(axis=0).tolist()))
    return row
