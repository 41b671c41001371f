# Copyright (c) cape_mm contributors. All rights reserved.
"""Size of an object in its box, by the keypoints that were found on it."""

from __future__ import annotations

from typing import Sequence

import numpy as np
from mmpose.structures import PoseDataSample

#: Share of the best score from which a keypoint is confident.
_CONFIDENT = 0.5


def box_around_object(
    query: PoseDataSample, supports: Sequence[PoseDataSample]
) -> np.ndarray | None:
    """Box around the confident keypoints of a query.

    Its margin is that of the same keypoints in the boxes of the supports, in
    relation to their extent.

    Args:
        query (PoseDataSample): Query with ``pred_instances``.
        supports (Sequence[PoseDataSample]): Supports with ``gt_instances``.

    Returns:
        np.ndarray | None: Box (4,), x1, y1, x2, y2, original pixels, inside
        the image; None without two confident keypoints that are apart.
    """
    pairs = _common_points(query, supports)
    if not pairs:
        return None
    margins = []
    for _, labelled, box in pairs:
        low, high = labelled.min(0), labelled.max(0)
        rim = np.concatenate([low - box[:2], box[2:] - high]).max()
        margins.append(max(rim, 0) / (high - low).max())
    found = np.concatenate([found for found, _, _ in pairs])
    low, high = found.min(0), found.max(0)
    margin = np.mean(margins) * (high - low).max()
    limits = np.array(query.ori_shape[1::-1]) - 1
    low = np.clip(low - margin, 0, limits)
    high = np.clip(high + margin, 0, limits)
    return np.concatenate([low, high]) if (high - low).min() >= 2 else None


def relative_scale(
    query: PoseDataSample, supports: Sequence[PoseDataSample]
) -> float:
    """Size of a query's object in its box, relative to that of the supports.

    Args:
        query (PoseDataSample): Query with ``pred_instances``.
        supports (Sequence[PoseDataSample]): Supports with ``gt_instances``.

    Returns:
        float: Extent of the confident keypoints / longer side of the box,
        divided by the same of the supports (mean); NaN without two confident
        keypoints that are apart.
    """
    query_box = np.asarray(query.gt_instances.bboxes).reshape(-1, 4)[0]
    ratios = [
        np.ptp(found, 0).max()
        / np.ptp(query_box.reshape(2, 2), 0).max()
        / (np.ptp(labelled, 0).max() / np.ptp(box.reshape(2, 2), 0).max())
        for found, labelled, box in _common_points(query, supports)
    ]
    return float(np.mean(ratios)) if ratios else float('nan')


def mean_score(query: PoseDataSample) -> float:
    """Mean score of the keypoints of a query that a support has."""
    scores = np.asarray(query.pred_instances.keypoint_scores).reshape(-1)
    return float(scores[scores > 0].mean()) if (scores > 0).any() else 0.0


def _common_points(
    query: PoseDataSample, supports: Sequence[PoseDataSample]
) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Confident keypoints, the same of a support, and its box; each (N, 2)."""
    instances = query.pred_instances
    points = np.asarray(instances.keypoints, np.float64).reshape(-1, 2)
    scores = np.asarray(instances.keypoint_scores).reshape(-1)
    confident = (scores > 0) & (scores >= _CONFIDENT * scores.max())
    confident &= np.isfinite(points).all(1)
    pairs = []
    for support in supports:
        labels = support.gt_instances
        mask = confident & (np.asarray(labels.keypoints_visible)[0] > 0)
        found = points[mask]
        own = np.asarray(labels.keypoints, np.float64)[0][mask]
        box = np.asarray(labels.bboxes, np.float64).reshape(-1, 4)[0]
        if len(own) > 1 and min(np.ptp(found, 0).max(), np.ptp(own, 0).max()):
            pairs.append((found, own, box))
    return pairs
