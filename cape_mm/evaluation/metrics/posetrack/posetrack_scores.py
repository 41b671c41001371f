# Copyright (c) cape_mm contributors. All rights reserved.
"""Which joints of a video count, and the scores of videos at one threshold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Mapping, NamedTuple, Sequence

import numpy as np

from ...functional import (
    HotaCounts,
    IdentityCounts,
    MotCounts,
    TrackedFrame,
    average_precision,
    clear_mot,
    head_distances,
    head_sizes,
    hota,
    hota_counts,
    identity_counts,
    idf1,
    inside_polygons,
    match_poses,
    mota,
    motp,
    precision,
    recall,
)
from .posetrack_frames import UNKNOWN_ID, PoseTrackFrame

#: Names of the scores, in the order of the tables.
SCORES = (
    'AP',
    'MOTA',
    'MOTP',
    'precision',
    'recall',
    'IDF1',
    'IDSW',
    'HOTA',
    'DetA',
    'AssA',
)


@dataclass(frozen=True)
class PoseTrackScores:
    """Scores of a set of videos at one threshold.

    Attributes:
        threshold (float): In heads.
        joints (Dict[str, np.ndarray]): Name of a score -> (K,) values.
        total (Dict[str, float]): Name of a score -> over all joint classes.
        videos (Dict[str, Dict[str, float]]): Video -> totals without AP,
            which is only defined over all videos.
    """

    threshold: float
    joints: dict[str, np.ndarray]
    total: dict[str, float]
    videos: dict[str, dict[str, float]]


class _TrackCounts(NamedTuple):
    """Counts of one video or their sums."""

    mot: MotCounts
    identity: IdentityCounts
    hota: HotaCounts


def score_videos(
    videos: Mapping[str, Sequence[ComparedFrame]],
    threshold: float,
    rules: PoseTrackRules,
) -> PoseTrackScores:
    """Score videos.

    Args:
        videos (Mapping[str, Sequence[ComparedFrame]]): Frames in order of
            time, of the same K joint classes, by video.
        threshold (float): Largest distance of a match, in heads.
        rules (PoseTrackRules): What counts.

    Returns:
        PoseTrackScores: The total of HOTA, DetA and AssA is over the joints
        of all classes, every other one the mean over joint classes.
    """
    counts = {
        name: _count(frames, threshold, rules)
        for name, frames in videos.items()
        if frames
    }
    joints, total = _score_tracks(_add(list(counts.values())), rules)
    every_frame = [frame for frames in videos.values() for frame in frames]
    precisions = _score_poses(every_frame, threshold, rules)
    return PoseTrackScores(
        threshold=threshold,
        joints=dict(AP=precisions, **joints),
        total=dict(AP=_mean(precisions), **total),
        videos={
            name: _score_tracks(count, rules)[1]
            for name, count in counts.items()
        },
    )


def _count(
    frames: Sequence[ComparedFrame], threshold: float, rules: PoseTrackRules
) -> _TrackCounts:
    tracks = [frame.tracks for frame in frames]
    if not rules.poseval_compat:
        of_mot = clear_mot(tracks, threshold)
    elif len(tracks) > 1:
        of_mot = clear_mot(
            as_poseval_tracks(tracks), threshold, first_person_keeps=True
        )
    else:
        of_mot = MotCounts(*np.zeros((5, tracks[0].gt_valid.shape[1])))
    return _TrackCounts(
        of_mot,
        identity_counts(tracks, threshold),
        hota_counts(tracks, threshold, rules.align_tracks),
    )


def _add(counts: list[_TrackCounts]) -> _TrackCounts:
    return _TrackCounts(
        *(
            type(parts[0])(*(np.sum(arrays, axis=0) for arrays in zip(*parts)))
            for parts in zip(*counts)
        )
    )


def _score_tracks(
    counts: _TrackCounts, rules: PoseTrackRules
) -> tuple[dict[str, np.ndarray], dict[str, float]]:
    """All scores but AP, by joint class and in total."""
    of_places = motp(counts.mot)
    if rules.poseval_compat:
        of_places = np.nan_to_num(of_places)
    by_joint = dict(
        MOTA=mota(counts.mot),
        MOTP=of_places,
        precision=precision(counts.mot),
        recall=recall(counts.mot),
        IDF1=idf1(counts.identity),
        IDSW=counts.mot.switches,
    )
    total = {name: _mean(values) for name, values in by_joint.items()}
    for pooled, target in ((False, by_joint), (True, total)):
        scores = hota(counts.hota, pooled)
        target.update(HOTA=scores.hota, DetA=scores.det_a, AssA=scores.ass_a)
    return by_joint, {name: float(value) for name, value in total.items()}


def _score_poses(
    frames: Sequence[ComparedFrame], threshold: float, rules: PoseTrackRules
) -> np.ndarray:
    """(K,) AP."""
    rows = []
    labelled = 0
    for frame in frames:
        poses = frame.poses
        labelled = labelled + poses.gt_valid.sum(axis=0)
        persons = match_poses(poses.distances, poses.gt_valid, threshold)
        matched = np.flatnonzero(persons >= 0)
        hits = np.zeros(poses.pred_valid.shape, dtype=bool)
        distances = poses.distances[persons[matched], matched]
        hits[matched] = distances <= threshold
        counted = poses.pred_valid & (hits | ~poses.ignored)
        rows.append((frame.scores, hits, counted))
    scores, hits, counted = (np.concatenate(part) for part in zip(*rows))
    return np.array(
        [
            average_precision(
                scores[counted[:, k], k],
                hits[counted[:, k], k],
                labelled[k],
                arrival_order=rules.poseval_compat,
            )
            for k in range(scores.shape[1])
        ]
    )


def _mean(values: np.ndarray) -> float:
    """Mean of what is defined; NaN if nothing is."""
    values = np.asarray(values, dtype=np.float64)
    values = values[~np.isnan(values)]
    return float(values.mean()) if len(values) else float('nan')


@dataclass(frozen=True)
class PoseTrackRules:
    """What counts; see :class:`PoseTrackMetric`.

    Attributes:
        keypoint_score_thr (float): Least score of a joint that is tracked.
        visibility_thr (float): Least predicted visibility of one.
        poseval_compat (bool): Repeat what poseval does differently.
        align_tracks (bool): HOTA by its paper instead of PoseTrack21's kit.
    """

    keypoint_score_thr: float
    visibility_thr: float
    poseval_compat: bool
    align_tracks: bool


@dataclass(frozen=True)
class ComparedFrame:
    """A labelled frame, ready to be scored.

    Attributes:
        poses (TrackedFrame): All joints, for AP.
        scores (np.ndarray): (M, K) scores of the predicted joints.
        tracks (TrackedFrame): The joints that are tracked.
    """

    poses: TrackedFrame
    scores: np.ndarray
    tracks: TrackedFrame


def tracked_joints(frame: PoseTrackFrame, rules: PoseTrackRules) -> np.ndarray:
    """Predicted joints that take part in the tracking scores.

    Args:
        frame (PoseTrackFrame): A frame.
        rules (PoseTrackRules): With the two thresholds.

    Returns:
        np.ndarray: (M, K) bool.
    """
    predicted = frame.predicted
    return (
        predicted.valid
        & (predicted.scores >= rules.keypoint_score_thr)
        & (predicted.visibility >= rules.visibility_thr)
    )


def compare_video(
    frames: Sequence[PoseTrackFrame],
    joints: np.ndarray,
    rules: PoseTrackRules,
) -> list[ComparedFrame]:
    """Compare predictions and labels of one video.

    Args:
        frames (Sequence[PoseTrackFrame]): In order of time.
        joints (np.ndarray): (K,) int, the joint classes that are scored.
        rules (PoseTrackRules): What counts.

    Returns:
        List[ComparedFrame]: The frames that count.
    """
    all_ids = _tell_unknown_apart([frame.truth.ids for frame in frames])
    return [
        _compare(frame, ids, joints, rules)
        for frame, ids in zip(frames, all_ids)
        if frame.is_labeled
        and (len(frame.truth.ids) or not rules.poseval_compat)
    ]


def _tell_unknown_apart(all_ids: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Give each unknown identity of a video an id of its own: -1, -2, ...

    Known ids are not negative, so that no other person has it. Who is there
    in one frame only cannot switch.
    """
    result, given = [], 0
    for ids in all_ids:
        unknown = ids == UNKNOWN_ID
        fresh = -np.arange(given + 1, given + 1 + unknown.sum())
        given += len(fresh)
        ids = ids.copy()
        ids[unknown] = fresh
        result.append(ids)
    return result


def _compare(
    frame: PoseTrackFrame,
    gt_ids: np.ndarray,
    joints: np.ndarray,
    rules: PoseTrackRules,
) -> ComparedFrame:
    truth, predicted = frame.truth, frame.predicted
    gt_px = truth.keypoints_px[:, joints]
    pred_px = predicted.keypoints_px[:, joints]
    gt_valid = truth.valid[:, joints]
    pred_valid = predicted.valid[:, joints]
    ignored = inside_polygons(pred_px, frame.ignore_regions_px)
    persons = np.ones(len(truth.ids), dtype=bool)
    tracks = np.ones(len(predicted.ids), dtype=bool)
    if rules.poseval_compat and frame.ignore_regions_px:
        gt_valid &= ~inside_polygons(gt_px, frame.ignore_regions_px)
        pred_valid &= ~ignored
        ignored[:] = False
        persons, tracks = gt_valid.any(axis=1), pred_valid.any(axis=1)
    distances = head_distances(
        gt_px, gt_valid, pred_px, pred_valid, head_sizes(truth.heads_px)
    )
    poses = TrackedFrame(
        distances=distances[np.ix_(persons, tracks)],
        gt_valid=gt_valid[persons],
        pred_valid=pred_valid[tracks],
        ignored=ignored[tracks] & pred_valid[tracks],
        gt_ids=gt_ids[persons],
        pred_ids=predicted.ids[tracks],
    )
    kept = tracked_joints(frame, rules)[:, joints][tracks]
    scores = predicted.scores[:, joints][tracks]
    return ComparedFrame(poses, scores, poses.restrict(kept))


def as_poseval_tracks(frames: Sequence[TrackedFrame]) -> list[TrackedFrame]:
    """What poseval hands to CLEAR MOT of one video.

    It leaves out the last frame; where there are labels but no predictions,
    or the reverse, it counts a single miss and a single false positive for
    each joint class.

    Args:
        frames (Sequence[TrackedFrame]): In order of time.

    Returns:
        List[TrackedFrame]: One less.
    """
    result = []
    for frame in frames[:-1]:
        if not len(frame.gt_ids) or not len(frame.pred_ids):
            one = np.ones((1, frame.gt_valid.shape[1]), dtype=bool)
            none = np.full((1, *one.shape), np.inf)
            number = np.zeros(1, dtype=np.int64)
            frame = TrackedFrame(none, one, one, ~one, number, number)
        result.append(frame)
    return result
