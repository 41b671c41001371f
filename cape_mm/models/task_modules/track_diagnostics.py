# Copyright (c) cape_mm contributors. All rights reserved.
"""Diagnostics of track queries for the training log, without gradient."""

from __future__ import annotations

from typing import NamedTuple, Sequence

import torch
from mmdet.models.losses.focal_loss import py_sigmoid_focal_loss
from torch import Tensor


class Ratio(NamedTuple):
    """A sum and the count that it is to be divided by, scalars."""

    total: Tensor
    count: Tensor


class TrackDiagnostics(NamedTuple):
    """Diagnostics of one window, in the order of the log.

    *Positive* queries have a person with a visible keypoint. No name contains
    ``loss``: diagnostics are not summed into it.

    Attributes:
        trk_kpt_l1 (Ratio): L1 distance of positive track queries to their
            persons, per visible coordinate, normalised.
        det_kpt_l1 (Ratio): The same of detect queries.
        n_trk (Ratio): Number of track queries, per clip and window.
        n_trk_pos (Ratio): Number of positive ones.
        n_det_pos (Ratio): Number of positive detect queries.
        trk_id_con (Ratio): Share of the track queries whose person is still
            there (with a visible keypoint) that got this person
            (``'assigned'``) or whose pose is closer to this person than to
            any other (``'predicted'``).
        trk_cls_val (Ratio): Focal loss per track query.
        det_cls_val (Ratio): Focal loss per detect query.
    """

    trk_kpt_l1: Ratio
    det_kpt_l1: Ratio
    n_trk: Ratio
    n_trk_pos: Ratio
    n_det_pos: Ratio
    trk_id_con: Ratio
    trk_cls_val: Ratio
    det_cls_val: Ratio


#: Keys of the log.
TRACK_DIAGNOSTICS = TrackDiagnostics._fields


@torch.no_grad()
def window_diagnostics(
    poses: Tensor,
    logits: Tensor,
    gt_inds: Tensor,
    query_ids: Tensor,
    is_track: Tensor,
    keypoints: Tensor,
    visible: Tensor,
    track_ids: Tensor,
    consistency: str = 'assigned',
    cls_weight: float = 1.0,
    alpha: float = 0.25,
    gamma: float = 2.0,
) -> TrackDiagnostics:
    """Sums and counts of one window of B clips.

    Args:
        poses (Tensor): Predicted poses (B, Q, K, 2), normalised.
        logits (Tensor): Person logits (B, Q).
        gt_inds (Tensor): Assigned persons (B, Q), int64, 1-based, 0 for
            background, -1 for padding, as in MMDetection's ``AssignResult``.
        query_ids (Tensor): Identities (B, Q) that the queries were handed
            over with, int64, -1 for none.
        is_track (Tensor): (B, Q) bool, True for track queries.
        keypoints (Tensor): Labels (B, N, K, 2), normalised, finite.
        visible (Tensor): (B, N, K) bool, False for padding.
        track_ids (Tensor): Identities (B, N) of the persons, int64, -1 for
            unknown ones and padding; N is at least 1.
        consistency (str): ``'assigned'``, or ``'predicted'`` for an assigner
            by identity, whose assignment is consistent by definition.
        cls_weight (float): Weight of the classification loss. Defaults to 1.
        alpha (float): Alpha of the focal loss. Defaults to 0.25.
        gamma (float): Gamma of the focal loss. Defaults to 2.

    Returns:
        TrackDiagnostics: Sums and counts.

    Raises:
        ValueError: If the consistency is unknown.
    """
    if consistency not in ('assigned', 'predicted'):
        raise ValueError(
            f"consistency is 'assigned' or 'predicted', not {consistency!r}"
        )
    poses = poses.float()
    focal = cls_weight * py_sigmoid_focal_loss(
        logits.float(), gt_inds > 0, gamma=gamma, alpha=alpha, reduction='none'
    )
    valid, matched = gt_inds >= 0, gt_inds > 0
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

    def ratio(values: Tensor, counted: Tensor) -> Ratio:
        return Ratio(values.float().sum(), counted.float().sum())

    clips = torch.ones_like(valid[:, :1])
    return TrackDiagnostics(
        trk_kpt_l1=ratio(
            distance * track_positive, coordinates * track_positive
        ),
        det_kpt_l1=ratio(
            distance * detect_positive, coordinates * detect_positive
        ),
        n_trk=ratio(track, clips),
        n_trk_pos=ratio(track_positive, clips),
        n_det_pos=ratio(detect_positive, clips),
        trk_id_con=ratio(kept, followed),
        trk_cls_val=ratio(focal * track, track),
        det_cls_val=ratio(focal * detect, detect),
    )


def mean_diagnostics(windows: Sequence[TrackDiagnostics]) -> dict[str, Tensor]:
    """Means over one or more windows.

    The first window of a sequence, which no queries are handed to, is best
    left out.

    Args:
        windows (Sequence[TrackDiagnostics]): At least one window.

    Returns:
        dict[str, Tensor]: Scalars by key, float32; a key whose count is 0 in
        all windows is left out.
    """
    # windows, keys, total and count
    sums = torch.stack(
        [torch.stack([torch.stack(r) for r in window]) for window in windows]
    )
    totals, counts = sums.sum(dim=0).unbind(dim=1)
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
