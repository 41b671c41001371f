# Copyright (c) cape_mm contributors. All rights reserved.
"""Errors of the keypoints of one query, and PCK."""

from __future__ import annotations

import numpy as np

#: Thresholds of PCK by the names of its columns in tables.
PCK_THRESHOLDS = {'PCK': 0.2, 'PCK@0.1': 0.1, 'PCK@0.05': 0.05}


def keypoint_distances(predicted: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Euclidean distances (K,), float64, of keypoints (K, 2) in any frame."""
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
    """Mean of the errors (K,), pixels, that are valid; NaN without any.

    ``normalizer_px`` divides it; by default the result is in pixels.
    """
    if not valid.any():
        return float('nan')
    return float(np.mean(distances_px[valid]) / normalizer_px)


def longer_side(bbox_px: np.ndarray) -> float:
    """Longer side of a box (4,) x1, y1, x2, y2, original pixels.

    The normaliser of MP-100's metrics, of boxes as cleaned by the dataset.
    """
    x1, y1, x2, y2 = (float(value) for value in bbox_px)
    return max(x2 - x1, y2 - y1)


def copy_keypoints(
    keypoints: np.ndarray, box: np.ndarray, target: np.ndarray
) -> np.ndarray:
    """Keypoints (..., K, 2), moved from box (..., 4) x1, y1, x2, y2 to box."""
    box, target = box[..., None, :], target[..., None, :]
    scale = (target[..., 2:] - target[..., :2]) / (box[..., 2:] - box[..., :2])
    return (keypoints - box[..., :2]) * scale + target[..., :2]


def pair_pck(
    distances_px: np.ndarray,
    valid: np.ndarray,
    normalizer_px: float,
    threshold: float,
) -> float:
    """Share of one query's valid keypoints that are correct.

    Those whose error (K,) is strictly less than ``threshold`` times
    ``normalizer_px``, both in original pixels; NaN if no keypoint counts.
    """
    if not valid.any():
        return float('nan')
    correct = distances_px[valid] / normalizer_px < threshold
    return float(correct.mean())


def pair_auc(
    distances_px: np.ndarray, valid: np.ndarray, normalizer_px: float
) -> float:
    """Mean PCK of one query over thresholds 0, 0.05, ... 0.95.

    See :func:`pair_pck`. Nothing is strictly less than 0: 0.95 is the best.
    """
    pair = distances_px, valid, normalizer_px
    values = [pair_pck(*pair, n / 20) for n in range(20)]
    return float(np.mean(values))
