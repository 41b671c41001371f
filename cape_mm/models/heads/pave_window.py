# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from typing import NamedTuple, Sequence

import torch
from torch import Tensor

from cape_mm.structures import TrackQueryState

from ..layers.pose_branches import PosePrediction
from ..layers.pose_proposals import PoseProposals
from ..layers.query_decoding import DecodedQueries, put
from ..losses.pave_criterion import MatchedPoses, PAVECriterion
from ..task_modules import (
    TrackQuerySampler,
    WindowOutcome,
    track_diagnostics,
)
from .pave_targets import WindowTargets


class TrainedWindow(NamedTuple):
    """A window of B clips in training.

    Attributes:
        targets (WindowTargets): The persons.
        proposals (PoseProposals): Of all S cells.
        proposal_gt_inds (Tensor): (B, S) int64, 1-based persons, 0 for
            background, -1 outside of the image and in ignored areas.
        queries (DecodedQueries): After the pose decoder.
        gt_inds (List[Tensor]): (B, Q) int64 of each layer; -1 for padding and
            in ignored areas.
        refined (List[PosePrediction]): P chosen queries, of each layer of the
            joint decoder; empty without one.
        chosen (Tensor, optional): (B, P) int64, which queries were refined.
        kept (Tensor, optional): (B, P) bool, False for padding.
    """

    targets: WindowTargets
    proposals: PoseProposals
    proposal_gt_inds: Tensor
    queries: DecodedQueries
    gt_inds: list[Tensor]
    refined: list[PosePrediction]
    chosen: Tensor | None
    kept: Tensor | None

    def person_ids(self) -> Tensor:
        """Identities of the persons of the queries, -1 for none: (B, Q)."""
        gt_inds = self.gt_inds[-1]
        ids = self.targets.track_ids
        nobody = ids.new_full((len(ids), 1), -1)
        return torch.cat([nobody, ids], dim=1).gather(1, gt_inds.clamp(min=0))

    def outcome(self) -> WindowOutcome:
        """What the diagnostics are made of."""
        last, valid = self.queries.last, self.queries.valid
        # Tracks in ignored areas are there, and without a person.
        gt_inds = self.gt_inds[-1].clamp(min=0).masked_fill(~valid, -1)
        return WindowOutcome(
            poses=last.middle.detach(),
            logits=last.logits.detach(),
            gt_inds=gt_inds,
            query_ids=self.queries.query_ids,
            is_track=self.queries.is_track,
            persons=self.targets.persons,
        )

    def refined_gt_inds(self) -> Tensor:
        """Persons (B, P) of the refined queries."""
        persons = self.gt_inds[-1].gather(1, self.chosen)
        return persons.masked_fill(~self.kept, 0)


def sum_up(
    criterion: PAVECriterion, windows: Sequence[TrainedWindow]
) -> dict[str, Tensor]:
    """Losses of all stages over some windows.

    Args:
        criterion (PAVECriterion): What each costs.
        windows (Sequence[TrainedWindow]): At least one.

    Returns:
        Dict[str, Tensor]: ``enc_loss_*`` of the proposals, ``d{i}.loss_*`` of
        the layers of the pose decoder, the last one without prefix, and
        ``d{i}.loss_*_refine`` of the layers of the joint decoder.
    """
    losses = {}

    def add(values: dict[str, Tensor], name: str) -> None:
        for key, value in values.items():
            losses[name.format(key)] = value

    matched = [
        match(
            PosePrediction(w.proposals.poses[:, :, None], w.proposals.sigma),
            w.proposal_gt_inds,
            w.targets,
        )
        for w in windows
    ]
    losses['enc_loss_cls'] = _classify(
        criterion,
        [w.proposals.logits for w in windows],
        [w.proposal_gt_inds for w in windows],
    )
    values = criterion.compare(MatchedPoses.cat(matched), 'proposal')
    add(values, 'enc_{}')
    last = len(windows[0].gt_inds) - 1
    for number in range(last + 1):
        name = '{}' if number == last else f'd{number}.{{}}'
        layers = [w.queries.layers[number] for w in windows]
        gt_inds = [w.gt_inds[number] for w in windows]
        matched = [
            match(layer, inds, w.targets)
            for layer, inds, w in zip(layers, gt_inds, windows)
        ]
        losses[name.format('loss_cls')] = _classify(
            criterion, [layer.logits for layer in layers], gt_inds
        )
        values = criterion.compare(MatchedPoses.cat(matched), 'decoder')
        add(values, name)
    for number in range(len(windows[0].refined)):
        matched = [
            match(w.refined[number], w.refined_gt_inds(), w.targets)
            for w in windows
        ]
        values = criterion.compare(MatchedPoses.cat(matched), 'refine')
        add(values, f'd{number}.{{}}_refine')
    return losses


def diagnose(
    windows: Sequence[TrainedWindow],
    by_identity: bool,
    cls_weight: float,
    with_tracks: bool,
) -> dict[str, Tensor]:
    """Diagnostics of the windows of a clip.

    Args:
        windows (Sequence[TrainedWindow]): All, in their order.
        by_identity (bool): Whether persons were given to tracks by identity,
            so that only predictions can be consistent or not.
        cls_weight (float): Weight of the classification loss.
        with_tracks (bool): Whether queries are handed over. If not, only the
            detect queries have diagnostics.

    Returns:
        Dict[str, Tensor]: See :func:`track_diagnostics`.
    """
    # No queries are handed to the first window.
    told = windows[1:] if with_tracks else windows
    values = track_diagnostics(
        [window.outcome() for window in told],
        consistency='predicted' if by_identity else 'assigned',
        cls_weight=cls_weight,
    )
    return {
        key: value
        for key, value in values.items()
        if with_tracks or 'trk' not in key
    }


def hand_over(
    sampler: TrackQuerySampler, window: TrainedWindow, refined: bool
) -> TrackQueryState:
    """Queries for the next window.

    Args:
        sampler (TrackQuerySampler): Which ones.
        window (TrainedWindow): This window.
        refined (bool): With refined poses, if there are any.

    Returns:
        TrackQueryState: Without gradient.
    """
    queries, last = window.queries, window.queries.last
    poses = last.middle.detach()
    if refined and window.refined:
        better = window.refined[-1].middle.detach()
        poses = put(poses, window.chosen, window.kept, better)
    return sampler.sample(
        content=queries.content,
        poses=poses,
        logits=last.logits,
        person_ids=window.person_ids(),
        matched=window.gt_inds[-1] > 0,
        query_ids=queries.query_ids,
        valid=queries.valid,
        position=queries.position,
    )


def match(
    prediction: PosePrediction, gt_inds: Tensor, targets: WindowTargets
) -> MatchedPoses:
    """Put predictions and their persons side by side.

    Args:
        prediction (PosePrediction): Of Q queries of B windows.
        gt_inds (Tensor): (B, Q) int64, 1-based; 0 and below for none.
        targets (WindowTargets): The persons.

    Returns:
        MatchedPoses: The M pairs.
    """
    rows, queries = (gt_inds > 0).nonzero(as_tuple=True)
    persons = gt_inds[rows, queries] - 1
    shown = prediction.visibility
    sizes = [meta['img_shape'][1::-1] for meta in targets.img_metas]
    return MatchedPoses(
        poses=prediction.poses[rows, queries],
        sigma=prediction.sigma[rows, queries],
        visibility=None if shown is None else shown[rows, queries],
        target=targets.keypoints[rows, persons],
        visible=targets.visible[rows, persons],
        areas=targets.areas[rows, persons],
        size=targets.areas.new_tensor(sizes)[rows],
    )


def _classify(
    criterion: PAVECriterion, logits: list[Tensor], gt_inds: list[Tensor]
) -> Tensor:
    """Loss of the scores of all valid queries."""
    return criterion.classify(
        torch.cat([x[inds >= 0] for x, inds in zip(logits, gt_inds)]),
        torch.cat([inds[inds >= 0] > 0 for inds in gt_inds]),
    )
