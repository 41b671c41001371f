# Copyright (c) cape_mm contributors. All rights reserved.
"""Measures of one query, in the form the MP-100 literature uses."""

import numpy as np


def keypoint_distances(
    predicted: np.ndarray, target: np.ndarray, normalizer: float = 1.0
) -> np.ndarray:
    """Euclidean distances in units of ``normalizer``.

    Args:
        predicted (np.ndarray): (K, 2), original image pixels.
        target (np.ndarray): (K, 2), original image pixels.
        normalizer (float): Length in the same pixels; the protocol takes the
            longer side of the object's box.

    Returns:
        np.ndarray: (K,), float64.

    Raises:
        ValueError: If the normaliser is not positive.
    """
    if not normalizer > 0:
        raise ValueError(f'the normaliser must be positive, got {normalizer}')
    difference = np.asarray(predicted, np.float64) - target
    return np.linalg.norm(difference, axis=-1) / normalizer


def masked_mean(values: np.ndarray, valid: np.ndarray) -> float:
    """Mean of the valid entries of (K,) values; 0 if there are none."""
    return float(values[valid].mean()) if valid.any() else 0.0


def pck(distances: np.ndarray, valid: np.ndarray, threshold: float) -> float:
    """Share of valid keypoints closer than ``threshold`` (strictly).

    Args:
        distances (np.ndarray): (K,), normalised.
        valid (np.ndarray): (K,), bool.
        threshold (float): In units of the normaliser.

    Returns:
        float: In [0, 1]; 0 if no keypoint is valid.
    """
    return masked_mean(distances < threshold, valid)


def auc(
    distances: np.ndarray, valid: np.ndarray, num_thresholds: int = 20
) -> float:
    """Mean PCK at ``i / num_thresholds`` for i = 0 ... num_thresholds - 1.

    Nothing is closer than 0, so a perfect prediction scores
    ``1 - 1 / num_thresholds``.

    Args:
        distances (np.ndarray): (K,), normalised.
        valid (np.ndarray): (K,), bool.
        num_thresholds (int): Number of thresholds. Defaults to 20.

    Returns:
        float: In [0, 1).
    """
    thresholds = np.arange(num_thresholds) / num_thresholds
    return float(np.mean([pck(distances, valid, t) for t in thresholds]))
