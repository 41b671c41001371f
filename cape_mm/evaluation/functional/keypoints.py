# Copyright (c) cape_mm contributors. All rights reserved.
"""Errors of the keypoints of one query, and PCK."""

from __future__ import annotations

import numpy as np


def keypoint_distances(predicted: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Euclidean distances between keypoints.

    Args:
        predicted (np.ndarray): Keypoints (K, 2), in any frame.
        truth (np.ndarray): True keypoints (K, 2), same frame.

    Returns:
        np.ndarray: Distances (K,), float64.

    Raises:
        ValueError: If the shapes differ.
    """
    if predicted.shape != truth.shape:
        raise ValueError(
            f'predicted keypoints have shape {predicted.shape}, '
            f'the true ones {truth.shape}'
        )
    difference = predicted.astype(np.float64) - truth.astype(np.float64)
    return np.linalg.norm(difference, axis=-1)


def mean_error(
    distances_px: np.ndarray, valid: np.ndarray, normalizer_px: float = 1.0
) -> float:
    """Mean error of one query over the keypoints that count.

    Args:
        distances_px (np.ndarray): Errors (K,), original pixels.
        valid (np.ndarray): Keypoints (K,), bool, that count.
        normalizer_px (float): Divisor of the errors, pixels. Defaults to 1:
            the result is in pixels.

    Returns:
        float: NaN if no keypoint counts.
    """
    if not valid.any():
        return float('nan')
    return float(np.mean(distances_px[valid]) / normalizer_px)


def longer_side(bbox_px: np.ndarray) -> float:
    """Longer side of a box, the normaliser of MP-100's metrics.

    Args:
        bbox_px (np.ndarray): Box (4,) x1, y1, x2, y2, original pixels, as
            cleaned by the dataset.

    Returns:
        float: Length in pixels.
    """
    x1, y1, x2, y2 = (float(value) for value in bbox_px)
    return max(x2 - x1, y2 - y1)


def pair_pck(
    distances_px: np.ndarray,
    valid: np.ndarray,
    normalizer_px: float,
    threshold: float,
) -> float:
    """Share of one query's keypoints that are correct.

    Args:
        distances_px (np.ndarray): Errors (K,), original pixels.
        valid (np.ndarray): Keypoints (K,), bool, that count.
        normalizer_px (float): Divisor of the errors, pixels.
        threshold (float): Exclusive upper limit of a normalised error.

    Returns:
        float: Between 0 and 1; NaN if no keypoint counts.
    """
    if not valid.any():
        return float('nan')
    correct = distances_px[valid] / normalizer_px < threshold
    return float(correct.mean())


def pair_auc(
    distances_px: np.ndarray, valid: np.ndarray, normalizer_px: float
) -> float:
    """Mean PCK of one query over thresholds 0, 0.05, ... 0.95.

    Nothing is strictly less than 0, so that the best value is 0.95.

    Args:
        distances_px (np.ndarray): Errors (K,), original pixels.
        valid (np.ndarray): Keypoints (K,), bool, that count.
        normalizer_px (float): Divisor of the errors, pixels.

    Returns:
        float: Between 0 and 0.95; NaN if no keypoint counts.
    """
    pair = distances_px, valid, normalizer_px
    values = [pair_pck(*pair, n / 20) for n in range(20)]
    return float(np.mean(values))
