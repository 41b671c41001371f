# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import numpy as np

#: Share of the diagonal of the head box that MPII and PoseTrack call the
#: size of the head.
HEAD_SHARE = 0.6


def head_sizes(bbox_head_px: np.ndarray) -> np.ndarray:
    """Sizes of heads, the unit of PCKh.

    Args:
        bbox_head_px (np.ndarray): (N, 4) x1, y1, x2, y2 in original pixels.

    Returns:
        np.ndarray: (N,) float64, 0.6 times the diagonal, in pixels.
    """
    boxes = np.asarray(bbox_head_px, dtype=np.float64).reshape(-1, 4)
    return HEAD_SHARE * np.linalg.norm(boxes[:, 2:] - boxes[:, :2], axis=1)


def head_distances(
    truth_px: np.ndarray,
    truth_valid: np.ndarray,
    predicted_px: np.ndarray,
    predicted_valid: np.ndarray,
    sizes_px: np.ndarray,
) -> np.ndarray:
    """Distances of all pairs of persons, by joint class, in heads.

    Args:
        truth_px (np.ndarray): (N, K, 2) labelled keypoints in original pixels.
        truth_valid (np.ndarray): (N, K) bool, True where a label counts.
        predicted_px (np.ndarray): (M, K, 2) predicted keypoints, same frame.
        predicted_valid (np.ndarray): (M, K) bool, True where one counts.
        sizes_px (np.ndarray): (N,) sizes of the labelled heads in pixels.

    Returns:
        np.ndarray: (N, M, K) float64; infinite where either keypoint does not
        count, and for a head without size, which nothing can match.
    """
    valid = truth_valid[:, None] & predicted_valid[None]
    valid = valid & (sizes_px > 0)[:, None, None]
    distances = np.full(valid.shape, np.inf)
    persons, predictions, joints = np.nonzero(valid)
    difference = predicted_px[predictions, joints].astype(np.float64)
    difference -= truth_px[persons, joints]
    pixels = np.linalg.norm(difference, axis=-1)
    distances[valid] = pixels / sizes_px[persons]
    return distances
