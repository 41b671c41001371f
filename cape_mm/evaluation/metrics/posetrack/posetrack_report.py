# Copyright (c) cape_mm contributors. All rights reserved.
"""Counts, tables and messages of :class:`PoseTrackMetric`."""

from __future__ import annotations

from collections import defaultdict
from typing import Mapping, Sequence

import numpy as np

from ...functional.tracked_frames import head_sizes
from .posetrack_frames import UNKNOWN_ID, PoseTrackFrame
from .posetrack_scores import SCORES, PoseTrackScores

_HEAD = ('nose', 'head_bottom', 'head_top')


def count_videos(
    videos: Mapping[str, Sequence[PoseTrackFrame]], names: Sequence[str]
) -> dict:
    """Counts of labels and predictions; ``labels`` are those by keypoint."""
    frames = [frame for members in videos.values() for frame in members]
    labelled = [frame for frame in frames if frame.is_labeled]
    labels = np.zeros(len(names), dtype=np.int64)
    for frame in labelled:
        labels += frame.gt_valid.sum(axis=0)
    return dict(
        videos=len(videos),
        frames=len(frames),
        labelled_frames=len(labelled),
        empty_frames=sum(not len(frame.gt_ids) for frame in labelled),
        persons=sum(len(frame.gt_ids) for frame in labelled),
        predictions=sum(len(frame.pred_ids) for frame in labelled),
        heads_without_size=sum(
            int((~(head_sizes(frame.heads_px) > 0)).sum())
            for frame in labelled
        ),
        unknown_identities=sum(
            int((frame.gt_ids == UNKNOWN_ID).sum()) for frame in labelled
        ),
        labels=dict(zip(names, labels.tolist())),
    )


def score_rows(
    scores: PoseTrackScores, names: Sequence[str], labels: Mapping[str, int]
) -> list[dict]:
    """Rows of the table of one threshold.

    A row per keypoint, one per limb with the mean of its keypoints, as
    PoseTrack's papers print them, and the total.
    """
    rows = [
        dict(
            joint=name,
            labels=labels[name],
            **{score: float(scores.keypoints[score][k]) for score in SCORES},
        )
        for k, name in enumerate(names)
    ]
    for limb, indices in _limbs(names).items():
        members = [rows[k] for k in indices]
        count = sum(row['labels'] for row in members)
        means = {s: float(np.mean([r[s] for r in members])) for s in SCORES}
        rows.append(dict(joint=limb, labels=count, **means))
    count = sum(labels[name] for name in names)
    total = {score: scores.total[score] for score in SCORES}
    return [*rows, dict(joint='total', labels=count, **total)]


def _limbs(names: Sequence[str]) -> dict[str, list[int]]:
    """Keypoints that PoseTrack's papers put together, where several."""
    limbs = defaultdict(list)
    for k, name in enumerate(names):
        side, _, rest = name.partition('_')
        if name in _HEAD:
            limbs['(head)'].append(k)
        elif side in ('left', 'right'):
            limbs[f'({rest})'].append(k)
    return {limb: ks for limb, ks in limbs.items() if len(ks) > 1}


def report_counts(counts: dict) -> list[str]:
    """One line of information about the labels, then one per warning."""
    text = (
        f'{counts["videos"]} videos, {counts["labelled_frames"]} labelled of '
        f'{counts["frames"]} frames, {counts["persons"]} labelled and '
        f'{counts["predictions"]} predicted persons in them'
    )
    never = [name for name, count in counts['labels'].items() if not count]
    if never:
        text += f'; not scored, as never labelled: {", ".join(never)}'
    lines = [text]
    if counts['empty_frames']:
        lines.append(
            f'{counts["empty_frames"]} labelled frames have no persons: '
            'predictions in them are false positives, but poseval (and '
            'poseval_compat) leaves these frames out'
        )
    if counts['heads_without_size']:
        lines.append(
            f'{counts["heads_without_size"]} labelled persons have no head '
            'box or one without size: nothing can match their keypoints, '
            'which count as missed'
        )
    if counts['unknown_identities']:
        lines.append(
            f'{counts["unknown_identities"]} labelled persons have no track '
            'id: each counts as a person of a single frame'
        )
    return lines
