# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from contextlib import nullcontext
from typing import Sequence

import torch
from torch import Tensor

from cape_mm.registry import MODELS, TASK_UTILS
from cape_mm.structures import ClipDataSample, TrackQueryState

from ..layers.clip_memory import ClipMemory
from ..layers.pose_proposals import PoseProposals
from ..layers.pose_transformer import PoseTransformer
from ..layers.query_decoding import pick_queries, put
from .frame_prediction import FramePrediction
from .keypoint_heatmap import KeypointHeatmap
from .pave_targets import ClipTargets, assign_queries
from .pave_window import TrainedWindow, diagnose, hand_over, sum_up


@MODELS.register_module()
class PAVEHead(PoseTransformer):
    """Poses of all persons of a window, and of tracked ones by identity.

    A :class:`PoseTransformer` with losses: which query stands for whom, what
    it costs, and which queries the next window begins with.

    Args:
        embed_dims (int): Channels C. Defaults to 256.
        num_keypoints (int): K. Defaults to 15.
        num_frames (int): F, odd. Defaults to 3.
        num_levels (int): L. Defaults to 4.
        num_queries (int): Detect queries. Defaults to 300.
        distinct_queries (float): Proposals that are nearer to a better one,
            as a share of its size, hardly become queries, so that queries of
            one person need not compete. Defaults to 0, all may.
        decoder (dict): Options of :class:`PoseDecoder`: ``num_layers``,
            ``num_heads``, ``feedforward_dims``, ``dropout``,
            ``detach_reference``.
        joint_decoder (dict, optional): The same of :class:`JointDecoder`,
            and ``num_points``. Without it poses are not refined.
            The ``lookup_radius`` of a decoder needs a heatmap.
        heatmap (dict, optional): ``loss_weight``, ``sigma`` and
            ``finer_channels`` of a :class:`KeypointHeatmap`.
        criterion (dict): A :class:`PAVECriterion`. Visibility is predicted if
            its ``vis_weight`` is not 0, and neighbour frames are supervised
            if its ``neighbour_weight`` is not 0.
        assigner (dict, optional): A ``TrackAwareHungarianAssigner``, which
            training needs.
        sampler (dict, optional): A ``TrackQuerySampler``, for training with
            more than one window; without it no queries are handed over.
        hand_over_refined (bool): Refer the next window to refined poses
            rather than to those of the pose decoder. Defaults to True.
        hand_over_position (bool): Track queries bring the embedding of the
            pose they had in the window before, beside that of their
            reference, so that they know how far they were moved since.
            Defaults to False.
        no_grad_windows (int): First windows without loss and gradient, which
            only make track queries. Defaults to 0.
        max_refined (int): Most queries that are refined in tests, the best
            ones. Defaults to 100.

    Raises:
        ValueError: If maps are to be looked up, but there are none, or F is
            even.
    """

    def __init__(
        self,
        criterion: dict,
        decoder: dict,
        joint_decoder: dict | None = None,
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
        criterion = MODELS.build(
            criterion,
            default_args=dict(with_refinement=joint_decoder is not None),
        )
        super().__init__(
            embed_dims=embed_dims,
            num_keypoints=num_keypoints,
            num_frames=num_frames,
            num_levels=num_levels,
            num_queries=num_queries,
            distinct_queries=distinct_queries,
            decoder=decoder,
            joint_decoder=joint_decoder,
            heatmap=None
            if heatmap is None
            else KeypointHeatmap(embed_dims, num_keypoints, **heatmap),
            supervised_neighbours=criterion.neighbour_weight > 0,
            with_visibility=criterion.vis_weight > 0,
            hand_over_position=hand_over_position,
        )
        self.criterion = criterion
        self.hand_over_refined = hand_over_refined
        self.no_grad_windows = no_grad_windows
        self.max_refined = max_refined
        self.assigner = assigner and TASK_UTILS.build(assigner)
        self.sampler = sampler and TASK_UTILS.build(sampler)

    @torch.no_grad()
    def predict(
        self,
        window: ClipMemory,
        best: PoseProposals,
        tracks: TrackQueryState,
    ) -> FramePrediction:
        """Predict the poses of one window.

        Args:
            window (ClipMemory): The F frames, with maps if decoders look at
                them.
            best (PoseProposals): Those that become detect queries, see
                :meth:`best`.
            tracks (TrackQueryState): Queries of the windows before.

        Returns:
            FramePrediction: Of all Q queries, the tracks first.
        """
        queries = self.decode(window, best, tracks)
        last = queries.last
        poses = last.middle
        sigma = self.criterion.deviation(last.sigma, 'decoder')
        shown = last.visibility
        if self.joint_decoder is not None:
            # Tracks are refined whatever their score.
            rank = last.logits.sigmoid() + queries.is_track.to(last.logits)
            chosen, kept = pick_queries(rank, queries.valid, self.max_refined)
            refined = self.refine(queries, window, chosen, kept)[-1]
            poses = put(poses, chosen, kept, refined.middle)
            better = self.criterion.deviation(refined.sigma, 'refine')
            sigma = put(sigma, chosen, kept, better)
            if shown is not None:
                shown = put(shown, chosen, kept, refined.visibility)
        return FramePrediction(
            content=queries.content,
            poses=poses,
            logits=last.logits.masked_fill(~queries.valid, -torch.inf),
            sigma=sigma,
            visibility=torch.ones_like(poses[..., 0])
            if shown is None
            else shown.sigmoid(),
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
            frame_index (Tensor): (B, T, F) int64, which frame is where.
            data_samples (Sequence[ClipDataSample]): B clips.

        Returns:
            Dict[str, Tensor]: Scalars by key: losses contain ``loss``, the
            diagnostics of :func:`track_diagnostics` do not.

        Raises:
            ValueError: If there is no assigner.
        """
        if self.assigner is None:
            raise ValueError(
                'losses need to know which query stands for whom: set '
                'model.head.assigner'
            )
        targets = ClipTargets.of_samples(data_samples, memory.tokens.device)
        targets = targets.taught(frame_index[:, self.no_grad_windows :])
        tracks = self.empty_state(memory)
        windows: list[TrainedWindow] = []
        for number, index in enumerate(frame_index.unbind(dim=1)):
            silent = number < self.no_grad_windows
            with torch.no_grad() if silent else nullcontext():
                window = self._train_window(
                    memory.gather(index), targets.window(index), tracks
                )
            windows.append(window)
            if self.sampler is not None:
                tracks = hand_over(
                    self.sampler, window, self.hand_over_refined
                )
        losses = sum_up(self.criterion, windows[self.no_grad_windows :])
        if self.heatmap is not None:
            losses['loss_hm'] = self.heatmap.loss(
                memory.maps, targets, memory.valid_ratio
            )
        told = diagnose(
            windows,
            by_identity=self.assigner.mode == 'hard',
            cls_weight=self.criterion.loss_cls.loss_weight,
            with_tracks=self.sampler is not None and len(windows) > 1,
        )
        return {**losses, **told}

    def _train_window(self, window, targets, tracks) -> TrainedWindow:
        """Decode a window, and give persons to its queries."""
        proposals = self.proposer(window)
        queries = self.decode(window, self.best(proposals), tracks)
        gt_inds = [
            assign_queries(
                self.assigner,
                layer.logits,
                layer.middle,
                targets,
                queries.valid,
                queries.query_ids,
                queries.is_track,
            )
            for layer in queries.layers
        ]
        chosen = kept = None
        refined = []
        if self.joint_decoder is not None:
            found = gt_inds[-1] > 0
            chosen, kept = pick_queries(found.float(), found, found.shape[1])
            refined = self.refine(queries, window, chosen, kept)
        return TrainedWindow(
            targets=targets,
            proposals=proposals,
            proposal_gt_inds=assign_queries(
                self.assigner,
                proposals.logits,
                proposals.poses,
                targets,
                proposals.valid,
            ),
            queries=queries,
            gt_inds=gt_inds,
            refined=refined,
            chosen=chosen,
            kept=kept,
        )
