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
    """Persons of the middle frames of B windows, and their neighbour poses.

    Attributes:
        keypoints (Tensor): Keypoints (B, N, F, K, 2), normalised, 0 where not
            visible.
        visible (Tensor): (B, N, F, K) bool. A person without label in a
            neighbour frame, or of unknown identity, is not visible there.
        areas (Tensor): Areas (B, N), square input pixels.
        track_ids (Tensor): Identities (B, N), int64, -1 for unknown ones and
            for padding.
        ignored (Tensor): (B, H, W) bool, cells of the ignored areas of the
            middle frames.
        persons (List[InstanceData]): Persons of the middle frames, unpadded.
        img_metas (List[dict]): Meta information of the middle frames.
    """

    keypoints: Tensor
    visible: Tensor
    areas: Tensor
    track_ids: Tensor
    ignored: Tensor
    persons: list[InstanceData]
    img_metas: list[dict]


class ClipTargets(NamedTuple):
    """Persons of all U frames of B clips, padded to N.

    Attributes:
        keypoints (Tensor): Keypoints (B, U, N, K, 2), normalised, 0 where not
            visible.
        visible (Tensor): (B, U, N, K) bool.
        areas (Tensor): Areas (B, U, N), square input pixels.
        track_ids (Tensor): Identities (B, U, N), int64, -1 for unknown ones
            and for padding.
        labelled (Tensor): (B, U) bool, False for frames without labels.
        ignored (Tensor): (B, U, H, W) bool, cells of ignored areas.
        persons (List[List[InstanceData]]): Persons of the frames, unpadded.
        img_metas (List[List[dict]]): Meta information of the frames.
    """

    keypoints: Tensor
    visible: Tensor
    areas: Tensor
    track_ids: Tensor
    labelled: Tensor
    ignored: Tensor
    persons: list[list[InstanceData]]
    img_metas: list[list[dict]]

    @classmethod
    def from_samples(
        cls, data_samples: Sequence[ClipDataSample], device: torch.device
    ) -> ClipTargets:
        """Stack the labels of a batch.

        Args:
            data_samples (Sequence[ClipDataSample]): B clips.
            device (torch.device): Device of the tensors.

        Returns:
            ClipTargets: Targets with the U of the longest clip.
        """
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
                [
                    getattr(persons[clip][frame], name)
                    for clip, frame in places
                ],
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

    def restrict_labels(self, index: Tensor) -> ClipTargets:
        """Mark frames outside of given windows as not labelled.

        Args:
            index (Tensor): Frame numbers (B, T, F) of the windows, int64.

        Returns:
            ClipTargets: The same targets with another ``labelled``.
        """
        inside = torch.zeros_like(self.labelled)
        inside.scatter_(1, index.flatten(1), True)
        return self._replace(labelled=self.labelled & inside)

    def window(self, index: Tensor) -> WindowTargets:
        """Gather one window of each clip.

        Args:
            index (Tensor): Frame numbers (B, F), int64, below U.

        Returns:
            WindowTargets: Persons of its middle frame.
        """
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
    """A window of B clips in training.

    Attributes:
        targets (WindowTargets): The persons.
        proposals (PoseProposals): Proposals of all S cells.
        proposal_gt_inds (Tensor): Assigned persons (B, S), int64, 1-based, 0
            for background, -1 outside of the image and in ignored areas.
        queries (DecodedQueries): Queries after the pose decoder.
        gt_inds (List[Tensor]): Assigned persons (B, Q) of each layer, int64;
            -1 for padding and in ignored areas.
        refined (List[PosePrediction]): Predictions for P selected queries of
            each layer of the keypoint decoder; empty without one.
        selected (Tensor, optional): Numbers (B, P) of the refined queries.
        selected_valid (Tensor, optional): (B, P) bool, False for padding.
    """

    targets: WindowTargets
    proposals: PoseProposals
    proposal_gt_inds: Tensor
    queries: DecodedQueries
    gt_inds: list[Tensor]
    refined: list[PosePrediction]
    selected: Tensor | None
    selected_valid: Tensor | None

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
        """Diagnostics of the last layer, see :func:`window_diagnostics`."""
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
    """Losses of all stages over some windows.

    Args:
        criterion (PAVECriterion): The losses.
        windows (Sequence[TrainedWindow]): At least one window.

    Returns:
        Dict[str, Tensor]: ``enc_loss_*`` of the proposals, ``d{i}.loss_*`` of
        the layers of the pose decoder, the last one without prefix, and
        ``d{i}.loss_*_refine`` of the layers of the keypoint decoder.
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
        matched = [
            window.match(prediction, indices)
            for window, prediction, indices in zip(
                windows, predictions, gt_inds
            )
        ]
        values.update(criterion.compare(MatchedPoses.cat(matched), stage))
        for key, value in values.items():
            losses[name.format(key)] = value

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
    """Diagnostics of the windows of a clip.

    Args:
        windows (Sequence[TrainedWindow]): All windows in their order.
        with_tracks (bool): Whether queries are handed over. If not, only the
            detect queries have diagnostics.
        **options: Options of :func:`window_diagnostics`.

    Returns:
        Dict[str, Tensor]: See :func:`mean_diagnostics`.
    """
    # No queries are handed to the first window.
    values = mean_diagnostics(
        [
            window.diagnostics(**options)
            for window in (windows[1:] if with_tracks else windows)
        ]
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
