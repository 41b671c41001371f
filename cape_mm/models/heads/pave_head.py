# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from contextlib import nullcontext
from typing import Sequence

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from cape_mm.registry import MODELS, TASK_UTILS
from cape_mm.structures import ClipDataSample, TrackQueryState

from ..layers.pavenet import (
    ClipMemory,
    FramePrediction,
    KeypointDecoder,
    KeypointHeatmap,
    PoseDecoder,
    PoseProposals,
    PoseProposer,
)
from ..layers.pavenet.pose_queries import (
    DecodedQueries,
    gather_queries,
    scatter_queries,
    select_queries,
)
from ..losses.pave_criterion import StagePrediction
from ..task_modules.clip_targets import ClipTargets
from ..task_modules.track_diagnostics import (
    mean_diagnostics,
    window_diagnostics,
)


@MODELS.register_module()
class PAVEHead(BaseModule):
    """Poses of all persons of a window, and of tracked ones by identity.

    The cells of the middle frame propose poses (:meth:`forward`). The best
    ones, with a learned content, are detect queries, always ``num_queries``;
    queries of known persons come on top. All pass the pose decoder; the
    keypoint decoder refines selected ones (:meth:`predict`). Nothing is kept
    between calls: queries are handed over as a :class:`TrackQueryState`.

    Args:
        criterion (dict): Config of a :class:`PAVECriterion`. Visibility is
            predicted if its ``vis_weight`` is not 0, and neighbour frames are
            supervised if its ``neighbour_weight`` is not 0.
        decoder (dict): Options of :class:`PoseDecoder`: ``num_layers``,
            ``num_heads``, ``feedforward_dims``, ``dropout``,
            ``detach_reference``, ``sampling_radius``.
        keypoint_decoder (dict, optional): The same of
            :class:`KeypointDecoder`, and ``num_points``. Without it poses are
            not refined.
        heatmap (dict, optional): Options ``loss_weight``, ``sigma`` and
            ``finer_channels`` of a :class:`KeypointHeatmap`, which the
            ``sampling_radius`` of a decoder requires.
        assigner (dict, optional): Config of a
            ``TrackAwareHungarianAssigner``, required for training.
        sampler (dict, optional): Config of a ``TrackQuerySampler``, for
            training with more than one window; without it no queries are
            handed over.
        embed_dims (int): Channels C. Defaults to 256.
        num_keypoints (int): K. Defaults to 15.
        num_frames (int): Frames of a window F, odd. Defaults to 3.
        num_levels (int): Feature levels L. Defaults to 4.
        num_queries (int): Number of detect queries. Defaults to 300.
        distinct_queries (float): Proposals nearer than this share of its size
            to a better one come last (`DDQ
            <https://arxiv.org/abs/2303.12776>`_), so that queries of one
            person need not compete; see :meth:`PoseProposals.best`. Defaults
            to 0, without.
        hand_over_refined (bool): Whether track queries refer to refined poses
            rather than to those of the pose decoder. Defaults to True.
        hand_over_position (bool): Whether track queries carry the embedding
            of their pose in the window before, beside that of their
            reference, so that their last move is known. Defaults to False.
        no_grad_windows (int): Number of first windows without loss and
            gradient, which only make track queries. Defaults to 0.
        max_refined (int): Maximum number of queries to refine in tests, the
            best ones. Defaults to 100.

    Raises:
        ValueError: If maps are to be sampled without a heatmap, or F is even.
    """

    def __init__(
        self,
        criterion: dict,
        decoder: dict,
        keypoint_decoder: dict | None = None,
        heatmap: dict | None = None,
        assigner: dict | None = None,
        sampler: dict | None = None,
        embed_dims: int = 256,
        num_keypoints: int = 15,
        num_frames: int = 3,
        num_levels: int = 4,
        num_queries: int = 300,
        distinct_queries: float = 0.0,
        hand_over_refined: bool = True,
        hand_over_position: bool = False,
        no_grad_windows: int = 0,
        max_refined: int = 100,
    ) -> None:
        super().__init__()
        self.samples_maps = any(
            (options or {}).get('sampling_radius')
            for options in (decoder, keypoint_decoder)
        )
        if heatmap is None and self.samples_maps:
            raise ValueError(
                'sampling_radius of a decoder needs heatmaps: set '
                'model.head.heatmap, or sampling_radius=0'
            )
        if num_frames % 2 == 0:
            raise ValueError(
                f'num_frames {num_frames} must be odd: poses are those of the '
                'middle frame'
            )
        self.embed_dims = embed_dims
        self.num_keypoints = num_keypoints
        self.num_frames = num_frames
        self.num_queries = num_queries
        self.distinct_queries = distinct_queries
        self.hand_over_refined = hand_over_refined
        self.hand_over_position = hand_over_position
        self.no_grad_windows = no_grad_windows
        self.max_refined = max_refined
        # The order in which modules are made is that of the random numbers,
        # the order in which they are set that of an optimizer's state: both
        # stay, so that seeds and resumed trainings give what they gave.
        criterion = MODELS.build(
            criterion,
            default_args=dict(with_refinement=keypoint_decoder is not None),
        )
        if heatmap is not None:
            heatmap = KeypointHeatmap(embed_dims, num_keypoints, **heatmap)
        shared = dict(
            embed_dims=embed_dims,
            num_levels=num_levels,
            num_frames=num_frames,
            num_keypoints=num_keypoints,
            supervised_neighbours=criterion.neighbour_weight > 0,
            with_visibility=criterion.vis_weight > 0,
        )
        self.proposer = PoseProposer(embed_dims, num_keypoints)
        self.detect_content = nn.Embedding(num_queries, embed_dims)
        self.track_content = nn.Parameter(torch.zeros(embed_dims))
        self.decoder = PoseDecoder(**shared, **decoder)
        self.keypoint_decoder = None
        if keypoint_decoder is not None:
            self.keypoint_decoder = KeypointDecoder(
                **shared, **keypoint_decoder
            )
        self.heatmap = heatmap
        self.criterion = criterion
        self.assigner = assigner and TASK_UTILS.build(assigner)
        self.sampler = sampler and TASK_UTILS.build(sampler)

    def forward(self, window: ClipMemory) -> PoseProposals:
        """Propose the poses that become detect queries.

        Args:
            window (ClipMemory): The F frames of B windows.

        Returns:
            PoseProposals: The best ``num_queries`` of each window.
        """
        return self._best(self.proposer(window))

    @torch.no_grad()
    def predict(
        self,
        window: ClipMemory,
        proposals: PoseProposals,
        tracks: TrackQueryState | None = None,
    ) -> FramePrediction:
        """Predict the poses of one window.

        Args:
            window (ClipMemory): The F frames, with maps if decoders sample
                them.
            proposals (PoseProposals): Proposals of :meth:`forward`.
            tracks (TrackQueryState, optional): Queries of the windows before.
                Defaults to none.

        Returns:
            FramePrediction: Predictions of all Q queries, the tracks first.
        """
        queries = self._decode(window, proposals, tracks)
        last, losses = queries.last, self.criterion.loss_kpt
        poses, visibility = last.middle, last.visibility
        sigma = losses['decoder'].bounded_sigma(last.sigma)
        if self.keypoint_decoder is not None:
            # Tracks are refined whatever their score.
            rank = last.logits.sigmoid() + queries.is_track.to(last.logits)
            place = select_queries(rank, queries.valid, self.max_refined)
            refined = self._refine(queries, window, *place)[-1]
            poses = scatter_queries(poses, *place, refined.middle)
            refined_sigma = losses['refine'].bounded_sigma(refined.sigma)
            sigma = scatter_queries(sigma, *place, refined_sigma)
            if visibility is not None:
                visibility = scatter_queries(
                    visibility, *place, refined.visibility
                )
        return FramePrediction(
            content=queries.content,
            poses=poses,
            logits=last.logits.masked_fill(~queries.valid, -torch.inf),
            sigma=sigma,
            visibility=torch.ones_like(poses[..., 0])
            if visibility is None
            else visibility.sigmoid(),
            position=queries.position,
        )

    def loss(
        self,
        memory: ClipMemory,
        frame_index: Tensor,
        data_samples: Sequence[ClipDataSample],
    ) -> dict[str, Tensor]:
        """Losses and diagnostics of T windows, one after the other.

        Args:
            memory (ClipMemory): The U frames of B clips, with maps if there
                is a heatmap.
            frame_index (Tensor): Frame numbers (B, T, F) of the windows,
                int64.
            data_samples (Sequence[ClipDataSample]): B clips.

        Returns:
            dict[str, Tensor]: Scalars by key. Losses contain ``loss``:
            ``enc_loss_*`` are those of the proposals, ``d{i}.loss_*`` of the
            layers of the pose decoder, the last one without prefix,
            ``d{i}.loss_*_refine`` of the layers of the keypoint decoder, and
            ``loss_hm`` that of the heatmaps. The diagnostics are some of
            ``TRACK_DIAGNOSTICS``; if no queries are handed over, only those
            of detect queries.

        Raises:
            ValueError: If there is no assigner.
        """
        if self.assigner is None:
            raise ValueError(
                'losses need persons assigned to queries: set '
                'model.head.assigner'
            )
        targets = ClipTargets.from_samples(data_samples, memory.tokens.device)
        tracks, windows, diagnostics = None, [], []
        for number, index in enumerate(frame_index.unbind(dim=1)):
            without_grad = number < self.no_grad_windows
            with torch.no_grad() if without_grad else nullcontext():
                stages, values, tracks = self._train_window(
                    memory.gather(index), targets.window(index), tracks
                )
            windows.append(stages)
            diagnostics.append(values)
        losses = {}
        counted = windows[self.no_grad_windows :]
        for name, stage in counted[0]:
            parts = [stages[name, stage] for stages in counted]
            for key, value in self.criterion(stage, parts).items():
                losses[name.format(key)] = value
        if self.heatmap is not None:
            # Frames only in windows without gradient do not count.
            rows, frames = targets.labelled_frames(
                frame_index[:, self.no_grad_windows :]
            )
            losses['loss_hm'] = self.heatmap.loss(
                memory.maps[rows, frames],
                targets.keypoints[rows, frames],
                targets.visible[rows, frames],
                targets.ignored[rows, frames],
                memory.valid_ratio[rows],
            )
        # No queries are handed to the first window.
        with_tracks = self.sampler is not None and len(windows) > 1
        for key, value in mean_diagnostics(diagnostics[with_tracks:]).items():
            if with_tracks or 'trk' not in key:
                losses[key] = value
        return losses

    def _best(self, proposals: PoseProposals) -> PoseProposals:
        """The proposals that become detect queries, without gradient."""
        return proposals.best(self.num_queries, self.distinct_queries)

    def _decode(
        self,
        window: ClipMemory,
        best: PoseProposals,
        tracks: TrackQueryState | None,
    ) -> DecodedQueries:
        """Pass track queries and detect queries through the pose decoder."""
        if tracks is None:
            shape = len(window.tokens), self.embed_dims, self.num_keypoints
            tracks = TrackQueryState.empty(*shape, window.tokens.device)
        # fewer than num_queries if there are fewer cells
        count = best.logits.shape[1]
        valid = torch.cat([tracks.valid, best.valid], dim=1)
        is_track = torch.zeros_like(valid)
        is_track[:, : tracks.num_queries] = tracks.valid
        detect = best.features + self.detect_content.weight[:count]
        before = tracks.position
        if before is not None:
            # Detect queries come from nowhere.
            before = F.pad(before, (0, 0, 0, count))
        content, layers = self.decoder(
            torch.cat([tracks.content + self.track_content, detect], dim=1),
            torch.cat([tracks.reference, best.poses], dim=1),
            window,
            valid,
            before,
        )
        return DecodedQueries(
            content=content,
            layers=layers,
            valid=valid,
            is_track=is_track,
            query_ids=F.pad(tracks.track_ids, (0, count), value=-1),
            position=self.decoder.position(layers[-1].middle.detach())
            if self.hand_over_position
            else None,
        )

    def _refine(self, queries, window, selected, valid):
        """Predictions of each layer for selected queries (B, P)."""
        return self.keypoint_decoder(
            gather_queries(queries.content, selected),
            gather_queries(queries.last.poses, selected),
            window,
            valid,
        )

    def _train_window(
        self,
        window: ClipMemory,
        targets: ClipTargets,
        tracks: TrackQueryState | None,
    ) -> tuple[dict, Tensor, TrackQueryState | None]:
        """Stages by names of their losses, diagnostics, next track queries."""
        proposals = self.proposer(window)
        queries = self._decode(window, self._best(proposals), tracks)
        last, kinds = queries.last, (queries.query_ids, queries.is_track)
        gt_inds = self.assigner.assign_batch(
            proposals.logits, proposals.poses, targets, proposals.valid
        )
        stages = {
            ('enc_{}', 'proposal'): StagePrediction(
                proposals.prediction, gt_inds, targets
            )
        }
        for number, layer in enumerate(queries.layers):
            gt_inds = self.assigner.assign_batch(
                layer.logits, layer.middle, targets, queries.valid, *kinds
            )
            name = '{}' if layer is last else f'd{number}.{{}}'
            stages[name, 'decoder'] = StagePrediction(layer, gt_inds, targets)
        poses = last.middle.detach()
        if self.keypoint_decoder is not None:
            found = gt_inds > 0
            place = select_queries(found.float(), found, found.shape[1])
            refined = self._refine(queries, window, *place)
            persons = gt_inds.gather(1, place[0]).masked_fill(~place[1], 0)
            for number, layer in enumerate(refined):
                stages[f'd{number}.{{}}_refine', 'refine'] = StagePrediction(
                    layer, persons, targets
                )
            if self.hand_over_refined:
                moved = refined[-1].middle.detach()
                poses = scatter_queries(poses, *place, moved)
        diagnostics = window_diagnostics(
            queries,
            gt_inds,
            targets.middle,
            # Hard assignment is consistent by definition; predictions are not.
            consistency='predicted'
            if self.assigner.mode == 'hard'
            else 'assigned',
            cls_weight=self.criterion.loss_cls.loss_weight,
        )
        tracks = None
        if self.sampler is not None:
            # Number 0 is no person.
            ids = F.pad(targets.middle.track_ids, (1, 0), value=-1)
            tracks = self.sampler.sample(
                content=queries.content,
                poses=poses,
                logits=last.logits,
                person_ids=ids.gather(1, gt_inds.clamp(min=0)),
                matched=gt_inds > 0,
                query_ids=queries.query_ids,
                valid=queries.valid,
                position=queries.position,
            )
        return stages, diagnostics, tracks
