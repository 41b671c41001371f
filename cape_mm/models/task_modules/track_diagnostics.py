# Copyright (c) cape_mm contributors. All rights reserved.
"""What the training log tells about track queries, without gradient."""

from __future__ import annotations

from typing import NamedTuple, Sequence

import torch
from mmdet.models.losses.focal_loss import py_sigmoid_focal_loss
from mmengine.structures import InstanceData
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

#: Keys in the order of the log. None contains `loss`: they are not summed.
TRACK_DIAGNOSTICS = (
    'trk_kpt_l1',
    'det_kpt_l1',
    'n_trk',
    'n_trk_pos',
    'n_det_pos',
    'trk_id_con',
    'trk_cls_val',
    'det_cls_val',
)


class WindowOutcome(NamedTuple):
    """What the queries of a window predicted, and whom they were given.

    B clips, Q track and detect queries in any order, K keypoints.

    Attributes:
        poses (Tensor): (B, Q, K, 2), ``(x, y)`` in [0, 1].
        logits (Tensor): (B, Q), of being a person.
        gt_inds (Tensor): (B, Q) int64, 1-based number of the assigned person,
            0 for background, -1 for padding, as in MMDetection's
            ``AssignResult``.
        query_ids (Tensor): (B, Q) int64, identity that the query came with,
            -1 for none.
        is_track (Tensor): (B, Q) bool, True for track queries.
        persons (List[InstanceData]): Those of the B clips: ``keypoints``
            (N, K, 2) in [0, 1], ``keypoints_visible`` (N, K), visible if
            above 0, ``track_ids`` (N,) int64, -1 for unknown.
    """

    poses: Tensor
    logits: Tensor
    gt_inds: Tensor
    query_ids: Tensor
    is_track: Tensor
    persons: list[InstanceData]


@torch.no_grad()
def track_diagnostics(
    windows: Sequence[WindowOutcome],
    consistency: str = 'assigned',
    cls_weight: float = 1.0,
    alpha: float = 0.25,
    gamma: float = 2.0,
) -> dict[str, Tensor]:
    """Compute the diagnostics of one or more windows.

    Each is a sum over all windows and clips, divided by a count over all of
    them; a key whose count is 0 is left out. The first window of a sequence,
    which no queries are handed to, is best left out, too. *Positive* queries
    have a person with a visible joint.

    - ``trk_kpt_l1``, ``det_kpt_l1``: L1 distance of positive track (detect)
      queries to their persons, per visible coordinate, in [0, 1] of the input.
    - ``n_trk``, ``n_trk_pos``, ``n_det_pos``: number of track queries, of
      positive ones and of positive detect queries, per clip and window.
    - ``trk_id_con``: share of the track queries whose person is still there
      (with a visible joint) that got this person (``'assigned'``) or whose
      pose is closer to this person than to any other (``'predicted'``).
    - ``trk_cls_val``, ``det_cls_val``: focal loss per track (detect) query.

    Args:
        windows (Sequence[WindowOutcome]): At least one.
        consistency (str): ``'assigned'``, or ``'predicted'`` for an assigner
            that goes by identity, whose assignment tells nothing.
        cls_weight (float): Weight of the classification loss. Defaults to 1.
        alpha (float): Of the focal loss. Defaults to 0.25.
        gamma (float): Of the focal loss. Defaults to 2.

    Returns:
        Dict[str, Tensor]: Scalars by key, float32.

    Raises:
        ValueError: If the consistency is unknown.
    """
    if consistency not in ('assigned', 'predicted'):
        raise ValueError(
            f"consistency is 'assigned' or 'predicted', not {consistency!r}"
        )
    parts = []
    for window in windows:
        focal = py_sigmoid_focal_loss(
            window.logits.float(),
            window.gt_inds > 0,
            gamma=gamma,
            alpha=alpha,
            reduction='none',
        )
        parts.append(_sums_and_counts(window, cls_weight * focal, consistency))
    sums, counts = torch.stack(parts).sum(dim=0)
    values = sums / counts.clamp(min=1)
    return {
        key: value
        for key, value, defined in zip(
            TRACK_DIAGNOSTICS, values, (counts > 0).tolist()
        )
        if defined
    }


def _sums_and_counts(
    window: WindowOutcome, focal: Tensor, consistency: str
) -> Tensor:
    """Numerators and denominators (2, 8) of the diagnostics of a window."""
    persons = _stack_persons(window)
    valid = window.gt_inds >= 0
    track, detect = valid & window.is_track, valid & ~window.is_track
    # A place for nobody: the persons are counted from 1.
    wanted, visible, ids = (_look_up(v, window.gt_inds) for v in persons)
    distance = (window.poses.float() - wanted).abs().sum(dim=-1)
    distance = distance.masked_fill(~visible, 0.0).sum(dim=-1)
    coordinates = 2 * visible.sum(dim=-1)
    positive = visible.any(dim=-1) & (window.gt_inds > 0)

    followed = track & _is_present(window.query_ids, persons)
    if consistency == 'predicted':
        nearest = _nearest_person(window.poses.float(), persons)
        ids = _look_up(persons.ids, nearest)
    kept = followed & (ids == window.query_ids)
    clips = torch.ones_like(valid[:, :1])
    pairs = (
        ((distance * (track & positive)), coordinates * (track & positive)),
        ((distance * (detect & positive)), coordinates * (detect & positive)),
        (track, clips),
        (track & positive, clips),
        (detect & positive, clips),
        (kept, followed),
        (focal * track, track),
        (focal * detect, detect),
    )
    return torch.stack(
        [
            torch.stack([part.float().sum() for part in column])
            for column in zip(*pairs)
        ]
    )


class _Persons(NamedTuple):
    """Persons of B clips, padded to 1 + N; person 0 is nobody.

    Attributes:
        keypoints (Tensor): (B, 1 + N, K, 2) float32, 0 where not visible.
        visible (Tensor): (B, 1 + N, K) bool.
        ids (Tensor): (B, 1 + N) int64, -1 for nobody.
    """

    keypoints: Tensor
    visible: Tensor
    ids: Tensor


def _stack_persons(window: WindowOutcome) -> _Persons:
    nobody = window.poses.new_zeros(1, *window.poses.shape[2:])
    keypoints, visible, ids = [], [], []
    for persons in window.persons:
        keypoints.append(torch.cat([nobody, persons.keypoints.to(nobody)]))
        shown = (persons.keypoints_visible > 0).to(nobody)
        visible.append(torch.cat([nobody[..., 0], shown]))
        numbers = persons.track_ids
        ids.append(torch.cat([numbers.new_full((1,), -1), numbers]))
    mask = pad_sequence(visible, batch_first=True) > 0
    points = pad_sequence(keypoints, batch_first=True).float()
    return _Persons(
        # What stands at an invisible joint must not even be finite.
        points.masked_fill(~mask[..., None], 0.0),
        mask,
        pad_sequence(ids, batch_first=True, padding_value=-1),
    )


def _look_up(values: Tensor, gt_inds: Tensor) -> Tensor:
    """Values (B, 1 + N, ...) of the assigned persons: (B, Q, ...)."""
    rows = torch.arange(len(values), device=values.device)[:, None]
    return values[rows, gt_inds.clamp(min=0)]


def _is_present(query_ids: Tensor, persons: _Persons) -> Tensor:
    """Queries (B, Q) whose identity is there with a visible joint."""
    there = persons.visible.any(dim=-1) & (persons.ids >= 0)
    same = query_ids[:, :, None] == persons.ids[:, None]
    return (same & there[:, None]).any(dim=-1)


def _nearest_person(poses: Tensor, persons: _Persons) -> Tensor:
    """1-based number (B, Q) of the person closest to each pose."""
    distance = (poses[:, :, None] - persons.keypoints[:, None]).abs()
    visible = persons.visible[:, None]
    distance = distance.sum(dim=-1).masked_fill(~visible, 0.0).sum(dim=-1)
    joints = visible.sum(dim=-1)
    return (
        (distance / joints.clamp(min=1))
        .masked_fill(joints == 0, float('inf'))
        .argmin(dim=-1)
    )
