# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import numpy as np


def to_box(keypoints_px: np.ndarray, boxes_px: np.ndarray) -> np.ndarray:
    """Landmarks relative to their boxes, without change of their shape.

    Args:
        keypoints_px (np.ndarray): (N, K, 2) x, y in pixels of the image.
        boxes_px (np.ndarray): (N, 4) x1, y1, x2, y2 in the same frame.

    Returns:
        np.ndarray: (N, K, 2) float64; the longer side of the box has length
        1, its upper left corner is at 0.

    Raises:
        ValueError: If a box has no area.
    """
    boxes = np.asarray(boxes_px, dtype=np.float64)
    sizes = boxes[:, 2:] - boxes[:, :2]
    if not (sizes > 0).all():
        raise ValueError(f'box {boxes[(sizes <= 0).any(1)][0]} has no area')
    origin, scale = boxes[:, None, :2], sizes.max(axis=1)
    return (np.asarray(keypoints_px) - origin) / scale[:, None, None]


def mean_shape(keypoints: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Mean position of each landmark over images.

    Args:
        keypoints (np.ndarray): (N, K, 2) in a frame that all images share,
            see :func:`to_box`.
        valid (np.ndarray): (N, K) bool, True where a landmark counts.

    Returns:
        np.ndarray: (K, 2) in that frame; NaN for a landmark that never
        counts.
    """
    counts = valid.sum(axis=0)[:, None]
    total = np.where(valid[..., None], keypoints, 0.0).sum(axis=0)
    return total / np.where(counts > 0, counts, np.nan)
