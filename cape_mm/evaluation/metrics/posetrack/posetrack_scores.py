# Copyright (c) cape_mm contributors. All rights reserved.
"""Comparison of frames, and the scores of videos at one threshold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Mapping, Sequence

import numpy as np

from ...functional.keypoint_hota import HotaCounts, hota, hota_counts
from ...functional.statistics import defined_mean
from ...functional.tracked_frames import (
    TrackedFrame,
    head_distances,
    head_sizes,
    inside_polygons,
)
from ...functional.tracking_scores import (
    IdentityCounts,
    MotCounts,
    average_precision,
    clear_mot,
    identity_counts,
    match_poses,
)
from .posetrack_frames import UNKNOWN_ID, PoseTrackFrame

#: Names of the scores, in the order of the tables.
SCORES = (
    'AP', 'MOTA', 'MOTP', 'precision', 'recall', 'IDF1', 'IDSW', 'HOTA',
    'DetA', 'AssA',
)  # fmt: skip


@dataclass(frozen=True)
class PoseTrackScores:
    """Scores by keypoint (K,), in total and by video at one threshold.

    Those by video are without AP, which is only defined over all videos.
    """

    threshold: float
    keypoints: dict[str, np.ndarray]
    total: dict[str, float]
    videos: dict[str, dict[str, float]]


def compare_video(
    frames: Sequence[PoseTrackFrame],
    keypoints: np.ndarray,
    poseval_compat: bool,
) -> list[tuple[TrackedFrame, TrackedFrame]]:
    """Labelled frames of a video, all predicted and tracked keypoints apart.

    The first of a pair is for AP. ``keypoints`` (K,) are the scored ones.
    """
    compared, num_unknown = [], 0
    for frame in frames:
        if frame.is_labeled and (len(frame.gt_ids) or not poseval_compat):
            poses = _compare(frame, keypoints, poseval_compat)
            # An unknown identity gets a negative id of its own, which no
            # known person has: a person of a single frame cannot switch.
            unknown = np.flatnonzero(poses.gt_ids == UNKNOWN_ID)
            poses.gt_ids[unknown] = -np.arange(len(unknown)) - num_unknown - 1
            num_unknown += len(unknown)
            tracks = np.isin(frame.pred_ids, poses.pred_ids)
            kept = frame.tracked[:, keypoints][tracks]
            compared.append((poses, poses.restrict(kept)))
    return compared


def _compare(
    frame: PoseTrackFrame, keypoints: np.ndarray, poseval_compat: bool
) -> TrackedFrame:
    """Compare one frame, without what ignore regions remove."""
    gt_px = frame.gt_px[:, keypoints]
    pred_px = frame.pred_px[:, keypoints]
    gt_valid = frame.gt_valid[:, keypoints]
    pred_valid = frame.pred_valid[:, keypoints]
    ignored = inside_polygons(pred_px, frame.ignore_regions_px)
    persons = np.ones(len(frame.gt_ids), dtype=bool)
    tracks = np.ones(len(frame.pred_ids), dtype=bool)
    if poseval_compat and frame.ignore_regions_px:
        gt_valid &= ~inside_polygons(gt_px, frame.ignore_regions_px)
        pred_valid &= ~ignored
        ignored[:] = False
        persons, tracks = gt_valid.any(axis=1), pred_valid.any(axis=1)
    distances = head_distances(
        gt_px, gt_valid, pred_px, pred_valid, head_sizes(frame.heads_px)
    )
    return TrackedFrame(
        distances=distances[np.ix_(persons, tracks)],
        gt_valid=gt_valid[persons],
        pred_valid=pred_valid[tracks],
        ignored=ignored[tracks] & pred_valid[tracks],
        gt_ids=frame.gt_ids[persons],
        pred_ids=frame.pred_ids[tracks],
        pred_scores=frame.pred_scores[:, keypoints][tracks],
    )


def score_videos(
    videos: Mapping[str, Sequence[tuple[TrackedFrame, TrackedFrame]]],
    threshold: float,
    poseval_compat: bool,
    align_tracks: bool,
) -> PoseTrackScores:
    """Score the frames of :func:`compare_video` by video."""
    counts = {}
    for name, frames in videos.items():
        if frames:
            tracks = [tracked for _, tracked in frames]
            counts[name] = (
                _count_mot(tracks, threshold, poseval_compat),
                identity_counts(tracks, threshold),
                hota_counts(tracks, threshold, align_tracks),
            )
    # Tuples of arrays: the sum over videos of each array.
    sums = [
        type(parts[0])(*(np.sum(arrays, axis=0) for arrays in zip(*parts)))
        for parts in zip(*counts.values())
    ]
    by_keypoint, total = _score_tracks(*sums, poseval_compat)
    poses = [pose for frames in videos.values() for pose, _ in frames]
    precisions = _score_poses(poses, threshold, poseval_compat)
    return PoseTrackScores(
        threshold=threshold,
        keypoints=dict(AP=precisions, **by_keypoint),
        total=dict(AP=defined_mean(precisions), **total),
        videos={
            name: _score_tracks(*count, poseval_compat)[1]
            for name, count in counts.items()
        },
    )


def _count_mot(
    frames: Sequence[TrackedFrame], threshold: float, poseval_compat: bool
) -> MotCounts:
    """Count the errors of CLEAR MOT, in the frames that poseval takes."""
    if not poseval_compat:
        return clear_mot(frames, threshold)
    num_keypoints = frames[0].gt_valid.shape[1]
    if len(frames) == 1:
        return MotCounts(*np.zeros((5, num_keypoints)))
    # One miss and one false positive of each keypoint.
    one = np.ones((1, num_keypoints), dtype=bool)
    number = np.zeros(1, dtype=np.int64)
    one_sided = TrackedFrame(
        np.full((1, *one.shape), np.inf), one, one, ~one, number, number
    )
    taken = [
        frame if len(frame.gt_ids) and len(frame.pred_ids) else one_sided
        for frame in frames[:-1]
    ]
    return clear_mot(taken, threshold, first_person_keeps=True)


def _score_tracks(
    mot: MotCounts,
    identity: IdentityCounts,
    of_hota: HotaCounts,
    poseval_compat: bool,
) -> tuple[dict[str, np.ndarray], dict[str, float]]:
    """All scores but AP, by keypoint and in total."""
    localisation = mot.motp
    if poseval_compat:
        localisation = np.nan_to_num(localisation)
    by_keypoint = dict(
        MOTA=mot.mota,
        MOTP=localisation,
        precision=mot.precision,
        recall=mot.recall,
        IDF1=identity.idf1,
        IDSW=mot.switches,
    )
    total = {
        name: defined_mean(values) for name, values in by_keypoint.items()
    }
    for pooled, target in ((False, by_keypoint), (True, total)):
        target.update(hota(of_hota, pooled))
    return by_keypoint, {name: float(value) for name, value in total.items()}


def _score_poses(
    frames: Sequence[TrackedFrame], threshold: float, poseval_compat: bool
) -> np.ndarray:
    """(K,) average precision."""
    rows = []
    for frame in frames:
        persons = match_poses(frame.distances, frame.gt_valid, threshold)
        matched = np.flatnonzero(persons >= 0)
        hits = np.zeros(frame.pred_valid.shape, dtype=bool)
        hits[matched] = frame.distances[persons[matched], matched] <= threshold
        counted = frame.pred_valid & (hits | ~frame.ignored)
        rows.append((frame.pred_scores, hits, counted))
    scores, hits, counted = (np.concatenate(part) for part in zip(*rows))
    labelled = np.sum([frame.gt_valid.sum(axis=0) for frame in frames], axis=0)
    return np.array(
        [
            average_precision(
                scores[counted[:, k], k],
                hits[counted[:, k], k],
                labelled[k],
                arrival_order=poseval_compat,
            )
            for k in range(scores.shape[1])
        ]
    )
