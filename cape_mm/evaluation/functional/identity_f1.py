# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from typing import NamedTuple, Sequence

import numpy as np
from scipy.optimize import linear_sum_assignment

from .count_ratio import ratio
from .tracked_frame import TrackedFrame, number_ids


class IdentityCounts(NamedTuple):
    """What IDF1 of K joint classes is made of; videos add up.

    Attributes:
        true_positives (np.ndarray): (K,) joints found by the track that the
            person was given for the whole video.
        false_positives (np.ndarray): (K,) other predicted joints.
        false_negatives (np.ndarray): (K,) other labelled joints.
    """

    true_positives: np.ndarray
    false_positives: np.ndarray
    false_negatives: np.ndarray


def identity_counts(
    frames: Sequence[TrackedFrame], threshold: float
) -> IdentityCounts:
    """Give each person one track for a whole video and count what fits.

    For each joint class on its own, the one-to-one assignment of persons and
    tracks with the fewest errors (Ristani et al., 2016).

    Args:
        frames (Sequence[TrackedFrame]): At least one.
        threshold (float): Largest distance of a match, inclusive.

    Returns:
        IdentityCounts: Counts of this video.
    """
    gt_ids, num_gt = number_ids([frame.gt_ids for frame in frames])
    pred_ids, num_pred = number_ids([frame.pred_ids for frame in frames])
    num_joints = frames[0].gt_valid.shape[1]
    hits = np.zeros((num_gt, num_pred, num_joints), dtype=np.int64)
    # Hits whose prediction would not have been an error without the person.
    free_hits = np.zeros_like(hits)
    labelled = np.zeros(num_joints, dtype=np.int64)
    predicted = np.zeros(num_joints, dtype=np.int64)
    for frame, persons, tracks in zip(frames, gt_ids, pred_ids):
        within = frame.distances <= threshold
        pairs = np.ix_(persons, tracks)
        hits[pairs] += within
        free_hits[pairs] += within & frame.ignored
        labelled += frame.gt_valid.sum(axis=0)
        predicted += (frame.pred_valid & ~frame.ignored).sum(axis=0)
    saved = 2 * hits - free_hits
    found = np.zeros(num_joints, dtype=np.int64)
    found_free = np.zeros(num_joints, dtype=np.int64)
    for k in range(num_joints):
        pairs = linear_sum_assignment(saved[..., k], maximize=True)
        found[k] = hits[..., k][pairs].sum()
        found_free[k] = free_hits[..., k][pairs].sum()
    return IdentityCounts(
        true_positives=found,
        false_positives=predicted - (found - found_free),
        false_negatives=labelled - found,
    )


def idf1(counts: IdentityCounts) -> np.ndarray:
    """F1 score of identities.

    Args:
        counts (IdentityCounts): Sums over videos.

    Returns:
        np.ndarray: (K,) in [0, 1]; NaN without any joint.
    """
    twice = 2 * counts.true_positives
    return ratio(
        twice, twice + counts.false_positives + counts.false_negatives
    )
