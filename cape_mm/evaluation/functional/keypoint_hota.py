# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from typing import NamedTuple, Sequence

import numpy as np

from .tracked_frames import TrackedFrame, number_ids, one_to_one, ratio

#: Least similarities of a match, 0.05 to 0.95.
ALPHAS = np.arange(1, 20) / 20
# Rounding must not decide about a similarity that equals an alpha.
_SLACK = 1e-9


class HotaCounts(NamedTuple):
    """Counts of HOTA for K keypoints at A alphas; those of videos add up.

    Attributes:
        true_positives (np.ndarray): Matches (A, K).
        false_positives (np.ndarray): Unmatched predicted keypoints (A, K).
        false_negatives (np.ndarray): Unmatched labelled keypoints (A, K).
        association (np.ndarray): Sums (A, K), float64, over the matches of
            the Jaccard index of person and track in the whole video.
    """

    true_positives: np.ndarray
    false_positives: np.ndarray
    false_negatives: np.ndarray
    association: np.ndarray


def hota_counts(
    frames: Sequence[TrackedFrame],
    threshold: float,
    align_tracks: bool = False,
) -> HotaCounts:
    """Match the keypoints of one video at all alphas, each on its own.

    A pair's similarity is 1 - distance / threshold, at least 0. In each frame
    the pairs with the largest sum of similarities are found once, and count
    for every alpha that their similarity reaches: keypoint HOTA as in the
    evaluation kit of PoseTrack21.

    Args:
        frames (Sequence[TrackedFrame]): Frames, at least one.
        threshold (float): Distance at which the similarity is 0.
        align_tracks (bool): Weigh the similarities with the overlap of person
            and track over the whole video, as the paper on HOTA does (Luiten
            et al., 2020) and PoseTrack21's kit does not. Defaults to False.

    Returns:
        HotaCounts: Counts of this video.
    """
    gt_ids, num_gt = number_ids([frame.gt_ids for frame in frames])
    pred_ids, num_pred = number_ids([frame.pred_ids for frame in frames])
    similarities = [
        np.maximum(1 - frame.distances / threshold, 0) for frame in frames
    ]
    num_keypoints = frames[0].gt_valid.shape[1]
    gt_count = np.zeros((num_gt, num_keypoints), dtype=np.int64)
    pred_count = np.zeros((num_pred, num_keypoints), dtype=np.int64)
    for frame, persons, tracks in zip(frames, gt_ids, pred_ids):
        gt_count[persons] += frame.gt_valid
        pred_count[tracks] += frame.pred_valid & ~frame.ignored
    fit = np.ones((num_gt, num_pred, num_keypoints))
    if align_tracks:
        fit = _alignment(frames, similarities, gt_ids, pred_ids, fit.shape)
    found = []
    for frame, persons, tracks, similarity in zip(
        frames, gt_ids, pred_ids, similarities
    ):
        weight = fit[np.ix_(persons, tracks)] * similarity
        n, m, k = np.nonzero(one_to_one(weight))
        pairs = persons[n], tracks[m], k, similarity[n, m, k]
        found.append((*pairs, frame.ignored[m, k]))
    columns = [np.concatenate(column) for column in zip(*found)]
    return _count(columns, gt_count, pred_count)


def _alignment(
    frames: Sequence[TrackedFrame],
    similarities: Sequence[np.ndarray],
    gt_ids: Sequence[np.ndarray],
    pred_ids: Sequence[np.ndarray],
    shape: tuple[int, int, int],
) -> np.ndarray:
    """(G, P, K) soft overlap of persons and tracks over the video."""
    shared = np.zeros(shape)
    total_gt = np.zeros((shape[0], 1, shape[2]))
    total_pred = np.zeros((1, shape[1], shape[2]))
    for frame, similarity, persons, tracks in zip(
        frames, similarities, gt_ids, pred_ids
    ):
        union = similarity.sum(axis=0) - similarity
        union = union + similarity.sum(axis=1)[:, None]
        overlap = np.divide(
            similarity, union, out=np.zeros_like(union), where=union > 0
        )
        shared[np.ix_(persons, tracks)] += overlap
        total_gt[persons, 0] += frame.gt_valid
        total_pred[0, tracks] += frame.pred_valid
    return shared / np.maximum(total_gt + total_pred - shared, 1)


def _count(
    pairs: list[np.ndarray], gt_count: np.ndarray, pred_count: np.ndarray
) -> HotaCounts:
    """Count (S,) pairs at all alphas, given (G, K) and (P, K) keypoints."""
    person, track, keypoint, similarity, ignored = pairs
    num_keypoints = gt_count.shape[1]
    # Each (person, track, keypoint) that was ever matched is one combination.
    flat = np.ravel_multi_index(
        (person, track, keypoint),
        (len(gt_count) + 1, len(pred_count) + 1, num_keypoints),
    )
    _, first, combination = np.unique(
        flat, return_index=True, return_inverse=True
    )
    p, t, k = person[first], track[first], keypoint[first]
    rows = []
    for alpha in ALPHAS:
        counted = similarity >= alpha - _SLACK
        matches = np.bincount(combination, counted, minlength=len(first))
        # A match in an ignore region makes its track longer, a miss does not.
        track_count = pred_count.copy()
        rescued = counted & ignored
        np.add.at(track_count, (track[rescued], keypoint[rescued]), 1)
        union = gt_count[p, k] + track_count[t, k] - matches
        agreement = np.divide(
            matches**2, union, out=np.zeros(len(first)), where=union > 0
        )
        true = np.bincount(keypoint[counted], minlength=num_keypoints)
        false = track_count.sum(axis=0) - true
        missed = gt_count.sum(axis=0) - true
        association = np.bincount(k, agreement, minlength=num_keypoints)
        rows.append((true, false, missed, association))
    return HotaCounts(*(np.stack(column) for column in zip(*rows)))


def hota(counts: HotaCounts, pooled: bool = False) -> dict[str, np.ndarray]:
    """Means over the alphas: HOTA is the geometric mean of DetA and AssA.

    Args:
        counts (HotaCounts): Sums over videos.
        pooled (bool): Whether to score all keypoints together instead of each
            one. Defaults to False.

    Returns:
        dict[str, np.ndarray]: ``HOTA``, ``DetA`` and ``AssA`` in [0, 1], (K,)
        or, pooled, (); NaN without any keypoint.
    """
    if pooled:
        counts = HotaCounts(*(count.sum(axis=1) for count in counts))
    true, false, missed, association = counts
    det_a = ratio(true, true + false + missed)
    # Without a match there is no association; the product is 0 anyway.
    ass_a = association / np.maximum(true, 1)
    ass_a = np.where(np.isnan(det_a), np.nan, ass_a)
    scores = dict(HOTA=np.sqrt(det_a * ass_a), DetA=det_a, AssA=ass_a)
    return {name: values.mean(axis=0) for name, values in scores.items()}
