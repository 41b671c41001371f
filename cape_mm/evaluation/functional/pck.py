# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import numpy as np


def pair_pck(
    distances_px: np.ndarray,
    valid: np.ndarray,
    normalizer_px: float,
    threshold: float,
) -> float:
    """Share of one query's keypoints that are correct.

    Args:
        distances_px (np.ndarray): (K,) errors in original pixels.
        valid (np.ndarray): (K,) bool, True where the keypoint counts.
        normalizer_px (float): Length that the errors are compared with.
        threshold (float): A keypoint is correct if its error divided by the
            length is strictly less than this.

    Returns:
        float: Between 0 and 1; NaN if no keypoint counts.
    """
    if not valid.any():
        return float('nan')
    correct = distances_px[valid] / normalizer_px < threshold
    return float(correct.mean())


def pair_auc(
    distances_px: np.ndarray,
    valid: np.ndarray,
    normalizer_px: float,
    num_steps: int = 20,
) -> float:
    """Mean PCK of one query over thresholds 0, 1 / n, ... (n - 1) / n.

    Nothing is strictly less than 0, so that the best value is (n - 1) / n.

    Args:
        distances_px (np.ndarray): (K,) errors in original pixels.
        valid (np.ndarray): (K,) bool, True where the keypoint counts.
        normalizer_px (float): Length that the errors are compared with.
        num_steps (int): n. Defaults to 20.

    Returns:
        float: Between 0 and (n - 1) / n; NaN if no keypoint counts.
    """
    thresholds = np.arange(num_steps) / num_steps
    values = [
        pair_pck(distances_px, valid, normalizer_px, threshold)
        for threshold in thresholds
    ]
    return float(np.mean(values))
