# Copyright (c) cape_mm contributors. All rights reserved.
"""Which joints of a video count, and for what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Sequence

import numpy as np

from ..functional import (
    TrackedFrame,
    head_distances,
    head_sizes,
    inside_polygons,
)
from .posetrack_frame import UNKNOWN_ID, PoseTrackFrame


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
