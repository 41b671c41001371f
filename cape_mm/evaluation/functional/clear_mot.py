# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from typing import NamedTuple, Sequence

import numpy as np

from .count_ratio import ratio
from .one_to_one import one_to_one
from .tracked_frame import TrackedFrame, number_ids


class MotCounts(NamedTuple):
    """What the CLEAR MOT scores of K joint classes are made of; they add up.

    Attributes:
        objects (np.ndarray): (K,) labelled joints.
        misses (np.ndarray): (K,) labelled joints without a match.
        false_positives (np.ndarray): (K,) predicted joints without a match.
        switches (np.ndarray): (K,) matches with another prediction than the
            last one of the same person.
        distances (np.ndarray): (K,) sum of the distances of all matches.
    """

    objects: np.ndarray
    misses: np.ndarray
    false_positives: np.ndarray
    switches: np.ndarray
    distances: np.ndarray


def clear_mot(
    frames: Sequence[TrackedFrame],
    threshold: float,
    first_person_keeps: bool = False,
) -> MotCounts:
    """Count the errors of CLEAR MOT in one video, for each joint class.

    In each frame a person first keeps the predicted track it was last matched
    with, no matter how long ago, if that is within the threshold now; the
    rest is paired so that as many as possible have a match and the sum of
    their distances is the least (Bernardin and Stiefelhagen, 2008; the same
    order of events as py-motmetrics).

    Args:
        frames (Sequence[TrackedFrame]): At least one, in order of time.
        threshold (float): Largest distance of a match, inclusive.
        first_person_keeps (bool): Who keeps a predicted track that two
            persons were last matched with. False: the one who had it more
            recently. True: the one who is listed first, as py-motmetrics and
            so poseval decide. Defaults to False.

    Returns:
        MotCounts: Counts of this video.
    """
    gt_ids, num_gt = number_ids([frame.gt_ids for frame in frames])
    pred_ids, _ = number_ids([frame.pred_ids for frame in frames])
    num_joints = frames[0].gt_valid.shape[1]
    partner = np.full((num_gt, num_joints), -1)
    since = np.full((num_gt, num_joints), -1)
    rows = []
    for time, (frame, persons, tracks) in enumerate(
        zip(frames, gt_ids, pred_ids)
    ):
        within = frame.distances <= threshold
        if first_person_keeps:
            claim = np.repeat(-np.arange(len(persons))[:, None], num_joints, 1)
        else:
            claim = since[persons]
        kept = _carry_over(within, partner[persons], claim, tracks)
        new = _pair_rest(frame.distances, within, kept, threshold)
        known = partner[persons][:, None]
        switched = new & (known >= 0) & (known != tracks[:, None])
        matched = kept | new
        n, m, k = np.nonzero(matched)
        partner[persons[n], k] = tracks[m]
        since[persons[n], k] = time
        false = frame.pred_valid & ~frame.ignored & ~matched.any(axis=0)
        rows.append(
            (
                frame.gt_valid.sum(axis=0),
                (frame.gt_valid & ~matched.any(axis=1)).sum(axis=0),
                false.sum(axis=0),
                switched.sum(axis=(0, 1)),
                np.where(matched, frame.distances, 0).sum(axis=(0, 1)),
            )
        )
    return MotCounts(*(np.sum(column, axis=0) for column in zip(*rows)))


def _carry_over(
    within: np.ndarray,
    partner: np.ndarray,
    claim: np.ndarray,
    tracks: np.ndarray,
) -> np.ndarray:
    """(N, M, K) pairs that were matched before and still can be."""
    wanted = within & (partner[:, None] == tracks[:, None])
    lowest = np.iinfo(claim.dtype).min
    claims = np.where(wanted, claim[:, None], lowest)
    strongest = claims.max(axis=0, keepdims=True, initial=lowest)
    return wanted & (claims == strongest)


def _pair_rest(
    distances: np.ndarray,
    within: np.ndarray,
    kept: np.ndarray,
    threshold: float,
) -> np.ndarray:
    """(N, M, K) pairs of those that carried nothing over."""
    free = within & ~kept.any(axis=0) & ~kept.any(axis=1)[:, None]
    # So much for any pair that one more counts more than all distances.
    bonus = min(free.shape[:2]) + 1
    return one_to_one(np.where(free, bonus - distances / threshold, 0))


def mota(counts: MotCounts) -> np.ndarray:
    """Accuracy, 1 - (misses + false positives + switches) / objects.

    Args:
        counts (MotCounts): Sums over videos.

    Returns:
        np.ndarray: (K,) at most 1; NaN without objects.
    """
    errors = counts.misses + counts.false_positives + counts.switches
    return 1 - ratio(errors, counts.objects)


def motp(counts: MotCounts) -> np.ndarray:
    """Precision of the matches' places, 1 - mean distance, as in poseval.

    Args:
        counts (MotCounts): Sums over videos.

    Returns:
        np.ndarray: (K,) at least 1 - threshold; NaN without matches.
    """
    return 1 - ratio(counts.distances, counts.objects - counts.misses)


def precision(counts: MotCounts) -> np.ndarray:
    """Matched share of the predicted joints.

    Args:
        counts (MotCounts): Sums over videos.

    Returns:
        np.ndarray: (K,) in [0, 1]; NaN without predicted joints.
    """
    matches = counts.objects - counts.misses
    return ratio(matches, matches + counts.false_positives)


def recall(counts: MotCounts) -> np.ndarray:
    """Matched share of the labelled joints.

    Args:
        counts (MotCounts): Sums over videos.

    Returns:
        np.ndarray: (K,) in [0, 1]; NaN without objects.
    """
    return ratio(counts.objects - counts.misses, counts.objects)
