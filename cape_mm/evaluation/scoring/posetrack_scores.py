# Copyright (c) cape_mm contributors. All rights reserved.
"""Scores of videos at one threshold, by joint class, in total, by video."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Mapping, NamedTuple, Sequence

import numpy as np

from ..functional import (
    HotaCounts,
    IdentityCounts,
    MotCounts,
    average_precision,
    clear_mot,
    hota,
    hota_counts,
    identity_counts,
    idf1,
    match_poses,
    mota,
    motp,
    precision,
    recall,
)
from .posetrack_comparison import (
    ComparedFrame,
    PoseTrackRules,
    as_poseval_tracks,
)

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
