# Copyright (c) cape_mm contributors. All rights reserved.
"""Labelled and predicted persons of a frame, compared keypoint by keypoint."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Sequence

import numpy as np
from scipy.optimize import linear_sum_assignment

#: Head size of MPII and PoseTrack as a share of the head box's diagonal.
HEAD_SHARE = 0.6


@dataclass(frozen=True)
class TrackedFrame:
    """Distances and identities in one frame: N labelled, M predicted persons.

    Every keypoint index is a tracking problem of its own: its objects are the
    keypoints of N labelled persons, its hypotheses those of M predicted ones.

    Attributes:
        distances (np.ndarray): Distances (N, M, K), float64; infinite where
            either keypoint does not count.
        gt_valid (np.ndarray): Labelled keypoints (N, K), bool.
        pred_valid (np.ndarray): Predicted keypoints (M, K), bool.
        ignored (np.ndarray): Predicted keypoints (M, K), bool, that do not
            count where they match nothing.
        gt_ids (np.ndarray): Identities (N,), int, unique in the frame.
        pred_ids (np.ndarray): Tracks (M,), int, unique in the frame.
        pred_scores (np.ndarray, optional): Keypoint scores (M, K), float64,
            which only the average precision needs.
    """

    distances: np.ndarray
    gt_valid: np.ndarray
    pred_valid: np.ndarray
    ignored: np.ndarray
    gt_ids: np.ndarray
    pred_ids: np.ndarray
    pred_scores: np.ndarray | None = None

    def restrict(self, kept: np.ndarray) -> TrackedFrame:
        """Frame with the predicted keypoints ``kept`` (M, K), bool, only."""
        return replace(
            self,
            distances=np.where(kept[None], self.distances, np.inf),
            pred_valid=self.pred_valid & kept,
            ignored=self.ignored & kept,
        )


def number_ids(ids: Sequence[np.ndarray]) -> tuple[list[np.ndarray], int]:
    """Identities (N,) of a video's frames as 0, 1, ..., and their number."""
    values, numbers = np.unique(
        np.concatenate([np.zeros(0, dtype=np.int64), *ids]),
        return_inverse=True,
    )
    ends = np.cumsum([len(frame) for frame in ids])
    return np.split(numbers, ends[:-1]), len(values)


def head_sizes(bbox_head_px: np.ndarray) -> np.ndarray:
    """Sizes (N,) of head boxes (N, 4), xyxy, pixels: the unit of PCKh."""
    boxes = np.asarray(bbox_head_px, dtype=np.float64).reshape(-1, 4)
    return HEAD_SHARE * np.linalg.norm(boxes[:, 2:] - boxes[:, :2], axis=1)


def head_distances(
    truth_px: np.ndarray,
    truth_valid: np.ndarray,
    predicted_px: np.ndarray,
    predicted_valid: np.ndarray,
    sizes_px: np.ndarray,
) -> np.ndarray:
    """Distances (N, M, K) of all pairs of persons, in head sizes.

    Of labelled keypoints (N, K, 2), valid (N, K), and predicted ones
    (M, K, 2), valid (M, K), all in original pixels, with head sizes (N,).
    Infinite where either keypoint does not count, and for a head without
    size, which nothing can match.
    """
    valid = truth_valid[:, None] & predicted_valid[None]
    valid = valid & (sizes_px > 0)[:, None, None]
    distances = np.full(valid.shape, np.inf)
    n, m, k = np.nonzero(valid)
    difference = predicted_px[m, k].astype(np.float64) - truth_px[n, k]
    distances[valid] = np.linalg.norm(difference, axis=-1) / sizes_px[n]
    return distances


def inside_polygons(
    points: np.ndarray, polygons: Sequence[np.ndarray]
) -> np.ndarray:
    """Which points (..., 2) are in any of some polygons (P, 2): (...), bool.

    By the even-odd rule, so that a polygon may cross itself, as some of
    PoseTrack do. Points exactly on the border may count either way; NaN is
    outside.
    """
    points = np.asarray(points, dtype=np.float64)
    inside = np.zeros(points.shape[:-1], dtype=bool)
    x, y = points[..., 0, None], points[..., 1, None]
    for polygon in polygons:
        corners = np.asarray(polygon, np.float64)
        (x1, y1), (x2, y2) = corners.T, np.roll(corners, -1, axis=0).T
        crossed = (y1 > y) != (y2 > y)
        # A level edge is never crossed; its height must not be divided by.
        height = np.where(y1 == y2, 1.0, y2 - y1)
        right = x < x1 + (y - y1) * (x2 - x1) / height
        # An odd number of edges to the right of a point: it is inside.
        inside |= (crossed & right).sum(axis=-1) % 2 == 1
    return inside


def one_to_one(scores: np.ndarray) -> np.ndarray:
    """Pair rows with columns by scores (N, M, K), each of K on its own.

    Pairs (N, M, K), bool, have the largest sum of scores, all positive; no
    row and no column is in two of them.
    """
    possible = scores > 0
    # Nearly all problems need no solver: no row or column has two candidates.
    contested = (possible.sum(axis=0) > 1).any(axis=0)
    contested |= (possible.sum(axis=1) > 1).any(axis=0)
    chosen = possible & ~contested
    for k in np.flatnonzero(contested):
        matrix = np.where(possible[..., k], scores[..., k], 0)
        rows, columns = linear_sum_assignment(matrix, maximize=True)
        chosen[rows, columns, k] = possible[rows, columns, k]
    return chosen


def ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Divide counts (...); NaN where nothing was counted."""
    whole = np.asarray(whole)
    result = np.full(whole.shape, np.nan)
    return np.divide(part, whole, out=result, where=whole > 0)
