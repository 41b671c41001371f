# Copyright (c) cape_mm contributors. All rights reserved.
"""Diagnostics of track queries for the training log, without gradient."""

from __future__ import annotations

from typing import Sequence

import torch
from mmdet.models.losses.focal_loss import py_sigmoid_focal_loss
from torch import Tensor

from ..layers.pavenet.pose_queries import DecodedQueries
from .clip_targets import ClipTargets

#: Keys of the log, in its order. *Positive* queries have a person with a
#: visible keypoint. No name contains ``loss``, so that none is summed into it.
TRACK_DIAGNOSTICS = (
    # L1 distance of positive queries to their persons, per visible
    # coordinate, normalised
    'trk_kpt_l1',
    'det_kpt_l1',
    'n_trk',  # track queries per clip and window
    'n_trk_pos',  # positive ones
    'n_det_pos',  # positive detect queries
    # share of the track queries whose person is still there, with a visible
    # keypoint, that got this person ('assigned') or whose pose is closer to
    # this person than to any other ('predicted')
    'trk_id_con',
    # focal loss per query
    'trk_cls_val',
    'det_cls_val',
)


@torch.no_grad()
def window_diagnostics(
    queries: DecodedQueries,
    gt_inds: Tensor,
    persons: ClipTargets,
    consistency: str = 'assigned',
    cls_weight: float = 1.0,
    alpha: float = 0.25,
    gamma: float = 2.0,
) -> Tensor:
    """Sum and count (8, 2) of each key in one window of B clips.

    Q queries are assigned to persons ``gt_inds`` (B, Q), int64, 1-based; 0
    and below is background, so that tracks in ignored areas count, as tracks
    without a person. The persons are those of the middle frames
    (:attr:`ClipTargets.middle`). Consistency is ``'assigned'``, or
    ``'predicted'`` for an assigner by identity, whose assignment is consistent
    by definition; ``cls_weight``, ``alpha`` and ``gamma`` are those of the
    focal loss.
    """
    if consistency not in ('assigned', 'predicted'):
        raise ValueError(
            f"consistency is 'assigned' or 'predicted', not {consistency!r}"
        )
    poses, logits = queries.last.middle.float(), queries.last.logits.float()
    query_ids, is_track = queries.query_ids, queries.is_track
    keypoints, visible = persons.keypoints, persons.visible
    track_ids = persons.track_ids
    focal = cls_weight * py_sigmoid_focal_loss(
        logits, gt_inds > 0, gamma=gamma, alpha=alpha, reduction='none'
    )
    valid, matched = queries.valid, gt_inds > 0
    track, detect = valid & is_track, valid & ~is_track

    rows = torch.arange(len(poses), device=poses.device)[:, None]
    person = (gt_inds - 1).clamp(min=0)
    labelled = visible[rows, person] & matched[..., None]
    distance = (poses - keypoints[rows, person]).abs().sum(dim=-1)
    distance = distance.masked_fill(~labelled, 0.0).sum(dim=-1)
    coordinates = 2 * labelled.sum(dim=-1)
    track_positive = track & labelled.any(dim=-1)
    detect_positive = detect & labelled.any(dim=-1)

    present = visible.any(dim=-1) & (track_ids >= 0)
    same = query_ids[:, :, None] == track_ids[:, None]
    followed = track & (same & present[:, None]).any(dim=-1)
    if consistency == 'predicted':
        person = _nearest_person(poses, keypoints, visible)
        matched = torch.ones_like(matched)
    kept = followed & matched & (track_ids[rows, person] == query_ids)

    ratios = (
        (distance * track_positive, coordinates * track_positive),
        (distance * detect_positive, coordinates * detect_positive),
        (track, torch.ones_like(valid[:, :1])),
        (track_positive, torch.ones_like(valid[:, :1])),
        (detect_positive, torch.ones_like(valid[:, :1])),
        (kept, followed),
        (focal * track, track),
        (focal * detect, detect),
    )
    return torch.stack(
        [torch.stack([x.float().sum() for x in pair]) for pair in ratios]
    )


def mean_diagnostics(windows: Sequence[Tensor]) -> dict[str, Tensor]:
    """Means over one or more windows (8, 2), by key, without counts of 0."""
    totals, counts = torch.stack(windows).sum(dim=0).unbind(dim=1)
    values = totals / counts.clamp(min=1)
    return {
        key: value
        for key, value, count in zip(
            TRACK_DIAGNOSTICS, values, counts.tolist()
        )
        if count > 0
    }


def _nearest_person(
    poses: Tensor, keypoints: Tensor, visible: Tensor
) -> Tensor:
    """Number (B, Q), from 0, of the person closest to each pose."""
    distance = (poses[:, :, None] - keypoints[:, None]).abs()
    visible = visible[:, None]
    distance = distance.sum(dim=-1).masked_fill(~visible, 0.0).sum(dim=-1)
    count = visible.sum(dim=-1)
    return (
        (distance / count.clamp(min=1))
        .masked_fill(count == 0, float('inf'))
        .argmin(dim=-1)
    )
