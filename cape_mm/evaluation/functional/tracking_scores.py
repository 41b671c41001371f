# Copyright (c) cape_mm contributors. All rights reserved.
"""CLEAR MOT, IDF1 and the average precision of keypoints in videos.

Counts are kept apart from scores: those of several videos are added first.
"""

from __future__ import annotations

from typing import NamedTuple, Sequence

import numpy as np
from scipy.optimize import linear_sum_assignment

from .tracked_frames import TrackedFrame, number_ids, one_to_one, ratio


class MotCounts(NamedTuple):
    """Counts of CLEAR MOT for K keypoints.

    Attributes:
        objects (np.ndarray): Labelled keypoints (K,).
        misses (np.ndarray): Labelled keypoints without a match (K,).
        false_positives (np.ndarray): Predicted ones without a match (K,).
        switches (np.ndarray): Matches with another track than the last one
            of the same person (K,).
        distances (np.ndarray): Sums of the distances of all matches (K,).
    """

    objects: np.ndarray
    misses: np.ndarray
    false_positives: np.ndarray
    switches: np.ndarray
    distances: np.ndarray

    @property
    def matches(self) -> np.ndarray:
        """Labelled keypoints with a match (K,)."""
        return self.objects - self.misses

    @property
    def mota(self) -> np.ndarray:
        """Accuracy (K,), at most 1; NaN without objects."""
        errors = self.misses + self.false_positives + self.switches
        return 1 - ratio(errors, self.objects)

    @property
    def motp(self) -> np.ndarray:
        """1 - mean distance of matches (K,), as in poseval; NaN without."""
        return 1 - ratio(self.distances, self.matches)

    @property
    def precision(self) -> np.ndarray:
        """Matched share of the predicted keypoints (K,); NaN without."""
        return ratio(self.matches, self.matches + self.false_positives)

    @property
    def recall(self) -> np.ndarray:
        """Matched share of the labelled keypoints (K,); NaN without."""
        return ratio(self.matches, self.objects)


def clear_mot(
    frames: Sequence[TrackedFrame],
    threshold: float,
    first_person_keeps: bool = False,
) -> MotCounts:
    """Count the errors of CLEAR MOT in one video, for each keypoint.

    In each frame a person first keeps the predicted track it was last matched
    with, no matter how long ago, if that is within the threshold now; the
    rest is paired so that as many as possible have a match and the sum of
    their distances is the least (Bernardin and Stiefelhagen, 2008; the same
    order of events as py-motmetrics).

    Args:
        frames (Sequence[TrackedFrame]): Frames in order of time, at least
            one.
        threshold (float): Largest distance of a match, inclusive.
        first_person_keeps (bool): Owner of a predicted track that two persons
            were last matched with. False: the one matched more recently.
            True: the one listed first, as in py-motmetrics and poseval.
            Defaults to False.

    Returns:
        MotCounts: Counts of this video.
    """
    gt_ids, num_gt = number_ids([frame.gt_ids for frame in frames])
    pred_ids, _ = number_ids([frame.pred_ids for frame in frames])
    num_keypoints = frames[0].gt_valid.shape[1]
    partner = np.full((num_gt, num_keypoints), -1)
    since = np.full((num_gt, num_keypoints), -1)
    rows = []
    for time, (frame, persons, tracks) in enumerate(
        zip(frames, gt_ids, pred_ids)
    ):
        within = frame.distances <= threshold
        claim = since[persons]
        if first_person_keeps:
            places = -np.arange(len(claim))
            claim = np.repeat(places[:, None], num_keypoints, 1)
        kept = _carry_over(within, partner[persons], claim, tracks)
        new = _pair_rest(frame.distances, within, kept, threshold)
        known = partner[persons][:, None]
        switched = new & (known >= 0) & (known != tracks[:, None])
        matched = kept | new
        n, m, k = np.nonzero(matched)
        partner[persons[n], k] = tracks[m]
        since[persons[n], k] = time
        false = frame.pred_valid & ~frame.ignored & ~matched.any(axis=0)
        missed = frame.gt_valid & ~matched.any(axis=1)
        rows.append(
            MotCounts(
                objects=frame.gt_valid.sum(axis=0),
                misses=missed.sum(axis=0),
                false_positives=false.sum(axis=0),
                switches=switched.sum(axis=(0, 1)),
                distances=np.where(matched, frame.distances, 0).sum((0, 1)),
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
    claimed = within & (partner[:, None] == tracks[:, None])
    lowest = np.iinfo(claim.dtype).min
    claims = np.where(claimed, claim[:, None], lowest)
    strongest = claims.max(axis=0, keepdims=True, initial=lowest)
    return claimed & (claims == strongest)


def _pair_rest(
    distances: np.ndarray,
    within: np.ndarray,
    kept: np.ndarray,
    threshold: float,
) -> np.ndarray:
    """(N, M, K) pairs of those that carried nothing over."""
    free = within & ~kept.any(axis=0) & ~kept.any(axis=1)[:, None]
    # A bonus by which one more pair outweighs all distances.
    bonus = min(free.shape[:2]) + 1
    return one_to_one(np.where(free, bonus - distances / threshold, 0))


class IdentityCounts(NamedTuple):
    """Counts of IDF1 for K keypoints.

    Attributes:
        true_positives (np.ndarray): Keypoints (K,) found by the track that
            is assigned to the person for the whole video.
        false_positives (np.ndarray): Other predicted keypoints (K,).
        false_negatives (np.ndarray): Other labelled keypoints (K,).
    """

    true_positives: np.ndarray
    false_positives: np.ndarray
    false_negatives: np.ndarray

    @property
    def idf1(self) -> np.ndarray:
        """F1 score of identities (K,); NaN without any keypoint."""
        twice = 2 * self.true_positives
        return ratio(
            twice, twice + self.false_positives + self.false_negatives
        )


def identity_counts(
    frames: Sequence[TrackedFrame], threshold: float
) -> IdentityCounts:
    """Assign one track to each person for a whole video, and count matches.

    For each keypoint on its own, the one-to-one assignment of persons and
    tracks with the fewest errors (Ristani et al., 2016).

    Args:
        frames (Sequence[TrackedFrame]): Frames, at least one.
        threshold (float): Largest distance of a match, inclusive.

    Returns:
        IdentityCounts: Counts of this video.
    """
    gt_ids, num_gt = number_ids([frame.gt_ids for frame in frames])
    pred_ids, num_pred = number_ids([frame.pred_ids for frame in frames])
    num_keypoints = frames[0].gt_valid.shape[1]
    hits = np.zeros((num_gt, num_pred, num_keypoints), dtype=np.int64)
    # Hits whose prediction would not have been an error without the person.
    free_hits = np.zeros_like(hits)
    labelled = np.zeros(num_keypoints, dtype=np.int64)
    predicted = np.zeros(num_keypoints, dtype=np.int64)
    for frame, persons, tracks in zip(frames, gt_ids, pred_ids):
        within = frame.distances <= threshold
        pairs = np.ix_(persons, tracks)
        hits[pairs] += within
        free_hits[pairs] += within & frame.ignored
        labelled += frame.gt_valid.sum(axis=0)
        predicted += (frame.pred_valid & ~frame.ignored).sum(axis=0)
    saved = 2 * hits - free_hits
    found = np.zeros(num_keypoints, dtype=np.int64)
    found_free = np.zeros(num_keypoints, dtype=np.int64)
    for k in range(num_keypoints):
        pairs = linear_sum_assignment(saved[..., k], maximize=True)
        found[k] = hits[..., k][pairs].sum()
        found_free[k] = free_hits[..., k][pairs].sum()
    return IdentityCounts(
        true_positives=found,
        false_positives=predicted - (found - found_free),
        false_negatives=labelled - found,
    )


def match_poses(
    distances: np.ndarray, gt_valid: np.ndarray, threshold: float
) -> np.ndarray:
    """Assign one predicted person to each labelled one, as poseval does.

    A pair is scored by the share of the labelled keypoints that the
    prediction hits. Each prediction is kept for its best person, then each
    person takes its best prediction; of equals the first is taken.

    Args:
        distances (np.ndarray): Distances (N, M, K), head sizes.
        gt_valid (np.ndarray): Labelled keypoints (N, K), bool.
        threshold (float): Largest distance of a hit, inclusive.

    Returns:
        np.ndarray: Indices (M,), int, of the labelled persons, or -1.
    """
    num_persons, num_predictions = distances.shape[:2]
    matched = np.full(num_predictions, -1)
    if not num_persons or not num_predictions:
        return matched
    labelled = np.maximum(gt_valid.sum(axis=1), 1)
    shares = (distances <= threshold).sum(axis=2) / labelled[:, None]
    is_best = np.arange(num_persons)[:, None] == shares.argmax(axis=0)
    shares = np.where(is_best, shares, 0)
    persons = np.flatnonzero(shares.max(axis=1) > 0)
    matched[shares.argmax(axis=1)[persons]] = persons
    return matched


def average_precision(
    scores: np.ndarray,
    correct: np.ndarray,
    num_labelled: int,
    arrival_order: bool = False,
) -> float:
    """Area under the precision-recall curve, as in PASCAL VOC 2010.

    Args:
        scores (np.ndarray): Scores (S,) of the predictions.
        correct (np.ndarray): Correct predictions (S,), bool.
        num_labelled (int): Number of labels.
        arrival_order (bool): Order of predictions with the same score. False:
            they enter the curve together, so that their order has no
            influence. True: one by one, in order of arrival, as in poseval.
            Defaults to False.

    Returns:
        float: Between 0 and 1; NaN without labels.
    """
    if not num_labelled:
        return float('nan')
    if not len(scores):
        return 0.0
    order = np.argsort(scores)[::-1]
    scores = scores[order]
    hits = np.cumsum(correct[order])
    precision = hits / np.arange(1, len(hits) + 1)
    recall = hits / num_labelled
    if not arrival_order:
        last_of_equals = np.append(scores[1:] != scores[:-1], True)
        precision, recall = precision[last_of_equals], recall[last_of_equals]
    best_from_here = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.sum(np.diff(recall, prepend=0.0) * best_from_here))
