# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import numpy as np


def keypoint_distances(predicted: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Euclidean distances between keypoints.

    Args:
        predicted (np.ndarray): (K, 2) in any frame.
        truth (np.ndarray): (K, 2) in the same frame.

    Returns:
        np.ndarray: (K,) float64.

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
        distances_px (np.ndarray): (K,) errors in original pixels.
        valid (np.ndarray): (K,) bool, True where the keypoint counts.
        normalizer_px (float): Length that the errors are divided by. Defaults
            to 1: the result is in pixels.

    Returns:
        float: NaN if no keypoint counts.
    """
    if not valid.any():
        return float('nan')
    return float(np.mean(distances_px[valid]) / normalizer_px)


def longer_side(bbox_px: np.ndarray) -> float:
    """Longer side of a box, the normaliser of MP-100's metrics.

    Args:
        bbox_px (np.ndarray): (4,) x1, y1, x2, y2 in original pixels, as
            cleaned by the dataset.

    Returns:
        float: In pixels.
    """
    x1, y1, x2, y2 = (float(value) for value in bbox_px)
    return max(x2 - x1, y2 - y1)
