# Copyright (c) cape_mm contributors. All rights reserved.
"""Targets, hand-over, losses and diagnostics of the windows of PAVE-Net."""

from __future__ import annotations

from typing import NamedTuple, Sequence

import torch
from mmengine.structures import InstanceData
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from cape_mm.structures import ClipDataSample, TrackQueryState
from cape_mm.structures.ignored_areas import ignored_cells

from ..layers.pavenet.pose_proposals import PoseProposals
from ..layers.pavenet.pose_queries import (
    DecodedQueries,
    PosePrediction,
    scatter_queries,
)
from ..losses.pave_criterion import MatchedPoses, PAVECriterion
from ..task_modules.track_diagnostics import (
    mean_diagnostics,
    window_diagnostics,
)
from ..task_modules.track_query_sampler import TrackQuerySampler


class WindowTargets(NamedTuple):
    """Persons of the middle frames of B windows, and their neighbour poses."""

    keypoints: Tensor  # (B, N, F, K, 2), normalised, 0 where not visible
    # (B, N, F, K) bool. A person without label in a neighbour frame, or of
    # unknown identity, is not visible there.
    visible: Tensor
    areas: Tensor  # (B, N), square input pixels
    track_ids: Tensor  # (B, N), int64, -1 for unknown ones and padding
    ignored: Tensor  # (B, H, W) bool, ignored cells of the middle frames
    persons: list[InstanceData]  # of the middle frames, unpadded
    img_metas: list[dict]  # of the middle frames


class ClipTargets(NamedTuple):
    """Persons of all U frames of B clips, padded to N."""

    keypoints: Tensor  # (B, U, N, K, 2), normalised, 0 where not visible
    visible: Tensor  # (B, U, N, K) bool
    areas: Tensor  # (B, U, N), square input pixels
    track_ids: Tensor  # (B, U, N), int64, -1 for unknown and padding
    labelled: Tensor  # (B, U) bool, False for frames without labels
    ignored: Tensor  # (B, U, H, W) bool, cells of ignored areas
    persons: list[list[InstanceData]]  # of the frames, unpadded
    img_metas: list[list[dict]]  # of the frames

    @classmethod
    def from_samples(
        cls, data_samples: Sequence[ClipDataSample], device: torch.device
    ) -> ClipTargets:
        """Labels of a batch, with the U of the longest clip."""
        clips = [sample.frames for sample in data_samples]
        length = max(len(frames) for frames in clips)
        persons = [
            [_labels(frame.gt_instance_labels.to(device)) for frame in frames]
            for frames in clips
        ]
        # Shorter clips repeat their last frame, without labels.
        places = [
            (clip, min(frame, len(frames) - 1))
            for clip, frames in enumerate(clips)
            for frame in range(length)
        ]

        def stack(name: str, fill: float = 0.0) -> Tensor:
            values = pad_sequence(
                [getattr(persons[i][frame], name) for i, frame in places],
                batch_first=True,
                padding_value=fill,
            )
            if not values.shape[1]:
                # No person in any frame: an empty place, to have an index.
                values = values.new_full(
                    (len(places), 1, *values.shape[2:]), fill
                )
            return values.unflatten(0, (len(clips), length))

        visible = stack('keypoints_visible') > 0
        keypoints = stack('keypoints').masked_fill(~visible[..., None], 0.0)
        labelled = [
            [
                frame < len(frames) and bool(frames[frame].is_labeled)
                for frame in range(length)
            ]
            for frames in clips
        ]
        ignored = ignored_cells([clips[clip][frame] for clip, frame in places])
        return cls(
            keypoints=keypoints.float(),
            visible=visible,
            areas=stack('areas').float(),
            track_ids=stack('track_ids', -1).long(),
            labelled=torch.tensor(labelled, device=device),
            ignored=ignored.unflatten(0, (len(clips), length)).to(device),
            persons=persons,
            img_metas=[[frame.metainfo for frame in clip] for clip in clips],
        )

    def window(self, index: Tensor) -> WindowTargets:
        """One window (B, F) of each clip, int64 frame numbers below U."""
        middle = index.shape[1] // 2
        rows = torch.arange(len(index), device=index.device)
        centre = index[:, middle]
        ids = self.track_ids[rows, centre]
        others = self.track_ids[rows[:, None], index]
        # B, F, N in the middle, N in the frame
        same = (ids[:, None, :, None] == others[:, :, None]) & (
            ids[:, None, :, None] >= 0
        )
        # In the middle a person is itself even if its identity is unknown.
        same[:, middle] = torch.eye(
            ids.shape[1], dtype=torch.bool, device=ids.device
        )
        person = same.to(torch.uint8).argmax(dim=-1)
        at = (rows[:, None, None], index[:, :, None], person)
        visible = self.visible[at] & same.any(dim=-1)[..., None]
        keypoints = self.keypoints[at].masked_fill(~visible[..., None], 0.0)
        frames = list(enumerate(centre.tolist()))
        return WindowTargets(
            keypoints=keypoints.transpose(1, 2),
            visible=visible.transpose(1, 2),
            areas=self.areas[rows, centre],
            track_ids=ids,
            ignored=self.ignored[rows, centre],
            persons=[self.persons[clip][frame] for clip, frame in frames],
            img_metas=[self.img_metas[clip][frame] for clip, frame in frames],
        )


class TrainedWindow(NamedTuple):
    """A window of B clips in training."""

    targets: WindowTargets
    proposals: PoseProposals  # of all S cells
    # Assigned persons (B, S), int64, 1-based, 0 for background, -1 outside
    # of the image and in ignored areas.
    proposal_gt_inds: Tensor
    queries: DecodedQueries  # after the pose decoder
    gt_inds: list[Tensor]  # persons (B, Q) of each layer, -1 also for padding
    # Predictions for P selected queries of each layer of the keypoint
    # decoder; empty without one.
    refined: list[PosePrediction]
    selected: Tensor | None  # numbers (B, P) of refined queries
    selected_valid: Tensor | None  # (B, P) bool, False for padding

    def match(self, prediction: PosePrediction, gt_inds: Tensor):
        """Pair predictions for Q queries with their persons (B, Q)."""
        rows, queries = (gt_inds > 0).nonzero(as_tuple=True)
        persons = gt_inds[rows, queries] - 1
        targets, visibility = self.targets, prediction.visibility
        sizes = [meta['img_shape'][1::-1] for meta in targets.img_metas]
        return MatchedPoses(
            poses=prediction.poses[rows, queries],
            sigma=prediction.sigma[rows, queries],
            visibility=None
            if visibility is None
            else visibility[rows, queries],
            target=targets.keypoints[rows, persons],
            visible=targets.visible[rows, persons],
            areas=targets.areas[rows, persons],
            size=targets.areas.new_tensor(sizes)[rows],
        )

    def diagnostics(self, **options):
        """Diagnostics of the last layer."""
        queries, targets = self.queries, self.targets
        middle = targets.keypoints.shape[2] // 2
        # Tracks in ignored areas count, as tracks without a person.
        gt_inds = self.gt_inds[-1].clamp(min=0)
        return window_diagnostics(
            poses=queries.last.middle.detach(),
            logits=queries.last.logits.detach(),
            gt_inds=gt_inds.masked_fill(~queries.valid, -1),
            query_ids=queries.query_ids,
            is_track=queries.is_track,
            keypoints=targets.keypoints[:, :, middle],
            visible=targets.visible[:, :, middle],
            track_ids=targets.track_ids,
            **options,
        )

    def hand_over(
        self, sampler: TrackQuerySampler, refined: bool
    ) -> TrackQueryState:
        """Sample the track queries of the next window, without gradient."""
        queries, gt_inds = self.queries, self.gt_inds[-1]
        poses = queries.last.middle.detach()
        if refined and self.refined:
            poses = scatter_queries(
                poses,
                self.selected,
                self.selected_valid,
                self.refined[-1].middle.detach(),
            )
        ids = self.targets.track_ids
        unknown = ids.new_full((len(ids), 1), -1)
        ids = torch.cat([unknown, ids], dim=1)
        return sampler.sample(
            content=queries.content,
            poses=poses,
            logits=queries.last.logits,
            person_ids=ids.gather(1, gt_inds.clamp(min=0)),
            matched=gt_inds > 0,
            query_ids=queries.query_ids,
            valid=queries.valid,
            position=queries.position,
        )


def window_losses(
    criterion: PAVECriterion, windows: Sequence[TrainedWindow]
) -> dict[str, Tensor]:
    """Losses of all stages over one or more windows.

    Keys are ``enc_loss_*`` for the proposals, ``d{i}.loss_*`` for the layers
    of the pose decoder, the last one without prefix, and
    ``d{i}.loss_*_refine`` for the layers of the keypoint decoder.
    """
    losses = {}

    def add(name, stage, predictions, gt_inds, with_class=True) -> None:
        """Add the losses of a stage; one prediction per window."""
        values = {}
        if with_class:
            values['loss_cls'] = criterion.classify(
                torch.cat(
                    [p.logits[i >= 0] for p, i in zip(predictions, gt_inds)]
                ),
                torch.cat([i[i >= 0] > 0 for i in gt_inds]),
            )
        matched = map(TrainedWindow.match, windows, predictions, gt_inds)
        values.update(criterion.compare(MatchedPoses.cat(matched), stage))
        losses.update(
            {name.format(key): value for key, value in values.items()}
        )

    proposals = [
        PosePrediction(
            w.proposals.poses[:, :, None],
            w.proposals.sigma,
            logits=w.proposals.logits,
        )
        for w in windows
    ]
    add('enc_{}', 'proposal', proposals, [w.proposal_gt_inds for w in windows])
    last = len(windows[0].gt_inds) - 1
    for number in range(last + 1):
        add(
            '{}' if number == last else f'd{number}.{{}}',
            'decoder',
            [w.queries.layers[number] for w in windows],
            [w.gt_inds[number] for w in windows],
        )
    for number in range(len(windows[0].refined)):
        add(
            f'd{number}.{{}}_refine',
            'refine',
            [w.refined[number] for w in windows],
            [
                w.gt_inds[-1]
                .gather(1, w.selected)
                .masked_fill(~w.selected_valid, 0)
                for w in windows
            ],
            with_class=False,
        )
    return losses


def clip_diagnostics(
    windows: Sequence[TrainedWindow], with_tracks: bool, **options
) -> dict[str, Tensor]:
    """Diagnostics of all windows of a clip, in their order.

    If no queries are handed over, only detect queries have diagnostics.
    """
    # No queries are handed to the first window.
    counted = windows[1:] if with_tracks else windows
    values = mean_diagnostics(
        [window.diagnostics(**options) for window in counted]
    )
    return {
        key: value
        for key, value in values.items()
        if with_tracks or 'trk' not in key
    }


def _labels(labels: InstanceData) -> InstanceData:
    """The labels of a frame as assigners require them, of one class."""
    return InstanceData(
        labels=torch.zeros_like(labels.track_ids),
        keypoints=labels.keypoints.float(),
        keypoints_visible=labels.keypoints_visible,
        areas=labels.areas.float(),
        track_ids=labels.track_ids,
    )
