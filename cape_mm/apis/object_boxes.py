# Copyright (c) cape_mm contributors. All rights reserved.
"""Size of an object in its box, by the keypoints that were found on it."""

from __future__ import annotations

from typing import Callable, Sequence

import numpy as np
from mmpose.structures import PoseDataSample

from cape_mm.structures import EpisodeDataSample

#: Share of the best score from which a keypoint is confident.
_CONFIDENT = 0.5
#: Parts of the longer side of an image that windows have.
_PARTS = (2, 3)
#: Windows of an image that are searched together.
_BATCH = 8


def search_windows(size: tuple[int, int]) -> np.ndarray:
    """Boxes in which an object is searched for.

    Args:
        size (tuple[int, int]): Width and height of the image, pixels.

    Returns:
        np.ndarray: Boxes (N, 4), float64, x1, y1, x2, y2: the whole image,
        and squares that overlap by half or more, of a half and a third of its
        longer side.
    """
    limits = np.array(size, np.float64) - 1
    boxes = [np.array([0.0, 0, *limits])]
    for part in _PARTS:
        side = max(limits.max() / part, 1)  # also in an image of one pixel
        room = np.maximum(limits - side, 0)
        counts = np.ceil(room / (side / 2) - 1e-6).astype(int) + 1
        starts = [np.linspace(0, r, n) for r, n in zip(room, counts)]
        corners = np.stack(np.meshgrid(*starts), -1).reshape(-1, 2)
        ends = np.minimum(corners + side, limits)
        boxes.extend(np.concatenate([corners, ends], 1))
    return np.stack(boxes)


def search_object(
    size: tuple[int, int],
    predict: Callable[[Sequence[np.ndarray]], EpisodeDataSample],
    propose: Callable[[], np.ndarray] | None = None,
) -> np.ndarray:
    """Find the box of an object, by the scores of its keypoints.

    They are predicted in the whole image and in other boxes, then around
    what was found in the one of the best mean score.

    Args:
        size (tuple[int, int]): Width and height of the image, pixels.
        predict (Callable): Predicts the keypoints in boxes (N, 4) of the
            image, each as one query of an episode.
        propose (Callable, optional): Makes boxes (N, 4) that may have the
            object. Defaults to those of :func:`search_windows`.

    Returns:
        np.ndarray: Box (4,), x1, y1, x2, y2, original pixels.
    """
    boxes = search_windows(size)
    if propose is not None:
        boxes = np.concatenate([boxes[:1], propose()])
    parts = range(0, len(boxes), _BATCH)
    episodes = [predict(boxes[start : start + _BATCH]) for start in parts]
    queries = [query for episode in episodes for query in episode.queries]
    best = max(queries, key=mean_score)
    # twice: the first box may cut the object
    for _ in range(2):
        closer = box_around_object(best, episodes[0].supports)
        if closer is None:
            break
        (again,) = predict([closer]).queries
        if mean_score(again) <= mean_score(best):
            break
        best = again
    return _box(best)


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


def expected_scale(
    query: PoseDataSample, supports: Sequence[PoseDataSample]
) -> float:
    """Size of a query's object in its box, relative to that of the supports.

    It is measured on the confident keypoints. Where the box is the whole
    image, it is at most the share of their images that the boxes of the
    supports have: keypoints that spread over an image were not found.

    Args:
        query (PoseDataSample): Query with ``pred_instances``.
        supports (Sequence[PoseDataSample]): Supports with ``gt_instances``.

    Returns:
        float: Extent of the keypoints / longer side of the box, divided by
        the same of the supports (mean); NaN if that is not known.
    """
    box = _box(query)
    ratios = [
        np.ptp(found, 0).max()
        / _side(box)
        / (np.ptp(labelled, 0).max() / _side(own))
        for found, labelled, own in _common_points(query, supports)
    ]
    scale = float(np.mean(ratios)) if ratios else float('nan')
    if np.allclose(box, _whole(query)):
        shares = [_side(_box(s)) / _side(_whole(s)) for s in supports]
        scale = float(np.fmin(scale, np.mean(shares)))
    return scale


def mean_score(query: PoseDataSample) -> float:
    """Mean score of the keypoints of a query that a support has."""
    scores = np.asarray(query.pred_instances.keypoint_scores).reshape(-1)
    return float(scores[scores > 0].mean()) if (scores > 0).any() else 0.0


def _box(member: PoseDataSample) -> np.ndarray:
    """Box (4,) of a member."""
    return np.asarray(member.gt_instances.bboxes, np.float64).reshape(-1, 4)[0]


def _whole(member: PoseDataSample) -> np.ndarray:
    """Box (4,) of its whole image."""
    height, width = member.ori_shape[:2]
    return np.array([0.0, 0, width - 1, height - 1])


def _side(box: np.ndarray) -> float:
    """Longer side of a box."""
    return (box[2:] - box[:2]).max()


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
        if len(own) > 1 and min(np.ptp(found, 0).max(), np.ptp(own, 0).max()):
            pairs.append((found, own, _box(support)))
    return pairs
