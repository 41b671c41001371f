# Copyright (c) cape_mm contributors. All rights reserved.
"""Frames of labelled and predicted persons, compared."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Sequence

import numpy as np
from scipy.optimize import linear_sum_assignment


@dataclass(frozen=True)
class TrackedFrame:
    """Labelled and predicted persons of one frame, compared joint by joint.

    Every joint class is a tracking problem of its own: its objects are the
    joints of N labelled persons, its hypotheses those of M predicted ones.

    Attributes:
        distances (np.ndarray): (N, M, K) float64; infinite where either joint
            does not count.
        gt_valid (np.ndarray): (N, K) bool, True for a joint with a label.
        pred_valid (np.ndarray): (M, K) bool, True for a predicted joint.
        ignored (np.ndarray): (M, K) bool, True for a predicted joint that
            does not count where it matches nothing.
        gt_ids (np.ndarray): (N,) int, unique in the frame.
        pred_ids (np.ndarray): (M,) int, unique in the frame.
    """

    distances: np.ndarray
    gt_valid: np.ndarray
    pred_valid: np.ndarray
    ignored: np.ndarray
    gt_ids: np.ndarray
    pred_ids: np.ndarray

    def restrict(self, kept: np.ndarray) -> TrackedFrame:
        """Take predicted joints away.

        Args:
            kept (np.ndarray): (M, K) bool, True for those that stay.

        Returns:
            TrackedFrame: The frame with the other joints.
        """
        return replace(
            self,
            distances=np.where(kept[None], self.distances, np.inf),
            pred_valid=self.pred_valid & kept,
            ignored=self.ignored & kept,
        )


def number_ids(ids: Sequence[np.ndarray]) -> tuple[list[np.ndarray], int]:
    """Number the identities of one video.

    Args:
        ids (Sequence[np.ndarray]): (N,) ids of each frame.

    Returns:
        tuple: The ids as 0, 1, ..., frame by frame, and how many there are.
    """
    values, numbers = np.unique(
        np.concatenate([np.zeros(0, dtype=np.int64), *ids]),
        return_inverse=True,
    )
    ends = np.cumsum([len(frame) for frame in ids])
    return np.split(numbers, ends[:-1]), len(values)


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


def inside_polygons(
    points: np.ndarray, polygons: Sequence[np.ndarray]
) -> np.ndarray:
    """Whether points lie in any of some polygons.

    By the even-odd rule, so that a polygon may cross itself, as some of
    PoseTrack do. What exactly the border belongs to is left open.

    Args:
        points (np.ndarray): (..., 2) x, y; NaN is outside.
        polygons (Sequence[np.ndarray]): (N, 2) corners each, in the same
            frame; the last is joined with the first.

    Returns:
        np.ndarray: (...) bool.
    """
    points = np.asarray(points, dtype=np.float64)
    inside = np.zeros(points.shape[:-1], dtype=bool)
    for polygon in polygons:
        inside |= _inside_polygon(points, np.asarray(polygon, np.float64))
    return inside


def _inside_polygon(points: np.ndarray, polygon: np.ndarray) -> np.ndarray:
    """Count the edges to the right of each point: odd is inside."""
    x, y = points[..., 0, None], points[..., 1, None]
    (x1, y1), (x2, y2) = polygon.T, np.roll(polygon, -1, axis=0).T
    crossed = (y1 > y) != (y2 > y)
    # A level edge is never crossed; its height must not be divided by.
    height = np.where(y1 == y2, 1.0, y2 - y1)
    right = x < x1 + (y - y1) * (x2 - x1) / height
    return (crossed & right).sum(axis=-1) % 2 == 1


def one_to_one(scores: np.ndarray) -> np.ndarray:
    """Pair rows with columns, for each of K problems on its own.

    Args:
        scores (np.ndarray): (N, M, K); what is not positive is no pair.

    Returns:
        np.ndarray: (N, M, K) bool, the pairs with the largest sum of scores;
        no row and no column is in two of them.
    """
    possible = scores > 0
    # Nearly all problems need no solver: nobody has a second candidate.
    contested = (possible.sum(axis=0) > 1).any(axis=0)
    contested |= (possible.sum(axis=1) > 1).any(axis=0)
    chosen = possible & ~contested
    for k in np.flatnonzero(contested):
        matrix = np.where(possible[..., k], scores[..., k], 0)
        rows, columns = linear_sum_assignment(matrix, maximize=True)
        chosen[rows, columns, k] = possible[rows, columns, k]
    return chosen


def ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Divide counts; NaN where nothing was counted.

    Args:
        part (np.ndarray): (...) counts or sums.
        whole (np.ndarray): (...) counts.

    Returns:
        np.ndarray: (...) float64.
    """
    whole = np.asarray(whole)
    result = np.full(whole.shape, np.nan)
    return np.divide(part, whole, out=result, where=whole > 0)
