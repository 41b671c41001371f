# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from cape_mm.structures import TrackQueryState

from .clip_memory import ClipMemory
from .joint_decoder import JointDecoder
from .pose_branches import PosePrediction
from .pose_decoder import PoseDecoder
from .pose_proposals import PoseProposals, PoseProposer
from .query_decoding import DecodedQueries, take


class PoseTransformer(BaseModule):
    """From the encoded frames of a window to poses.

    The cells of the middle frame propose poses. The best ones, with a learned
    content, are detect queries, always ``num_queries``; queries of known
    persons come on top. All pass the pose decoder; the joint decoder refines
    those that are chosen. Nothing is kept between calls: queries are handed on
    as a :class:`TrackQueryState`.

    Args:
        embed_dims (int): Channels C.
        num_keypoints (int): K.
        num_frames (int): F, odd.
        num_levels (int): L.
        num_queries (int): Detect queries.
        distinct_queries (float): Proposals that are nearer to a better one,
            as a share of its size, hardly become queries (`DDQ
            <https://arxiv.org/abs/2303.12776>`_); see
            :meth:`PoseProposals.best`.
        decoder (dict): Further options of :class:`PoseDecoder`.
        joint_decoder (dict, optional): Further options of
            :class:`JointDecoder`. Without it poses are not refined.
        heatmap (nn.Module, optional): Maps of the joints from the finest
            level.
        supervised_neighbours (bool): Whether poses in neighbour frames are
            supervised.
        with_visibility (bool): Whether visibility is predicted.
        hand_over_position (bool): Whether queries are handed on with the
            embedding of the poses they had.

    Raises:
        ValueError: If maps are to be looked up, but there are none, or F is
            even.
    """

    def __init__(
        self,
        embed_dims: int,
        num_keypoints: int,
        num_frames: int,
        num_levels: int,
        num_queries: int,
        distinct_queries: float,
        decoder: dict,
        joint_decoder: dict | None,
        heatmap: nn.Module | None,
        supervised_neighbours: bool,
        with_visibility: bool,
        hand_over_position: bool,
    ) -> None:
        super().__init__()
        lookups = [
            (options or {}).get('lookup_radius')
            for options in (decoder, joint_decoder)
        ]
        if heatmap is None and any(lookups):
            raise ValueError(
                'lookup_radius of a decoder needs maps: give the head a '
                'heatmap, or set lookup_radius=0'
            )
        self.looks_at_maps = any(lookups)
        if num_frames % 2 == 0:
            raise ValueError(
                f'num_frames {num_frames} must be odd: poses are those of the '
                'middle frame'
            )
        self.embed_dims = embed_dims
        self.num_frames = num_frames
        self.num_keypoints = num_keypoints
        self.num_queries = num_queries
        self.distinct_queries = distinct_queries
        self.hand_over_position = hand_over_position
        shared = dict(
            embed_dims=embed_dims,
            num_levels=num_levels,
            num_frames=num_frames,
            num_keypoints=num_keypoints,
            supervised_neighbours=supervised_neighbours,
            with_visibility=with_visibility,
        )
        self.proposer = PoseProposer(embed_dims, num_keypoints)
        self.detect_content = nn.Embedding(num_queries, embed_dims)
        self.track_content = nn.Parameter(torch.zeros(embed_dims))
        self.decoder = PoseDecoder(**shared, **decoder)
        self.joint_decoder = (
            None
            if joint_decoder is None
            else JointDecoder(**shared, **joint_decoder)
        )
        self.heatmap = heatmap
        self.wants_finer_map = getattr(heatmap, 'lateral', None) is not None

    def decode(
        self,
        window: ClipMemory,
        best: PoseProposals,
        tracks: TrackQueryState,
    ) -> DecodedQueries:
        """Pass track queries and detect queries through the pose decoder.

        Args:
            window (ClipMemory): The F frames.
            best (PoseProposals): Those of :meth:`best`.
            tracks (TrackQueryState): Nt queries, of windows before.

        Returns:
            DecodedQueries: Q = Nt + ``num_queries`` (or as many detect
            queries as there are cells).
        """
        count = best.logits.shape[1]
        learned = self.detect_content.weight[:count]
        valid = torch.cat([tracks.valid, best.valid], dim=1)
        is_track = torch.zeros_like(valid)
        is_track[:, : tracks.num_queries] = tracks.valid
        content, layers = self.decoder(
            torch.cat(
                [
                    tracks.content + self.track_content,
                    best.features + learned,
                ],
                dim=1,
            ),
            torch.cat([tracks.reference, best.poses], dim=1),
            window,
            valid,
            self._before(tracks, count),
        )
        nobody = torch.full_like(best.valid, -1, dtype=torch.int64)
        return DecodedQueries(
            content=content,
            layers=layers,
            valid=valid,
            is_track=is_track,
            query_ids=torch.cat([tracks.track_ids, nobody], dim=1),
            position=self.decoder.position(layers[-1].middle.detach())
            if self.hand_over_position
            else None,
        )

    def best(self, proposals: PoseProposals) -> PoseProposals:
        """The proposals that become detect queries.

        Args:
            proposals (PoseProposals): Of all cells.

        Returns:
            PoseProposals: ``num_queries``, the best one first.
        """
        return proposals.best(self.num_queries, self.distinct_queries)

    def empty_state(self, memory: ClipMemory) -> TrackQueryState:
        """State of clips that begin."""
        return TrackQueryState.empty(
            len(memory.tokens),
            self.embed_dims,
            self.num_keypoints,
            device=memory.tokens.device,
            with_position=self.hand_over_position,
        )

    def find_joints(
        self,
        memory: ClipMemory,
        finer: Tensor | None = None,
        to_learn: bool = False,
    ) -> ClipMemory:
        """Add the maps of the joints, if anybody looks at them.

        Args:
            memory (ClipMemory): Of B clips.
            finer (Tensor, optional): (B, U, C', H', W'), a map of the
                backbone, for a heatmap with ``finer_channels``.
            to_learn (bool): Whether there are losses, which look at them.
                Defaults to False.

        Returns:
            ClipMemory: With ``maps`` if there are any, and they are wanted.
        """
        wanted = to_learn or self.looks_at_maps
        if self.heatmap is None or not wanted:
            return memory
        maps = self.heatmap(memory.finest_level(), finer)
        return memory._replace(maps=maps)

    def refine(
        self,
        queries: DecodedQueries,
        window: ClipMemory,
        chosen: Tensor,
        kept: Tensor,
    ) -> list[PosePrediction]:
        """Refine the poses of chosen queries.

        Args:
            queries (DecodedQueries): All Q queries.
            window (ClipMemory): The F frames.
            chosen (Tensor): (B, P) int64, which ones.
            kept (Tensor): (B, P) bool, False for padding.

        Returns:
            List[PosePrediction]: Of the P queries, one per layer.
        """
        return self.joint_decoder(
            take(queries.content, chosen),
            take(queries.last.poses, chosen),
            window,
            kept,
        )

    def _before(self, tracks: TrackQueryState, count: int) -> Tensor | None:
        """Where the tracks were; nothing (0) for ``count`` detect queries."""
        if tracks.position is None:
            return None
        return F.pad(tracks.position, (0, 0, 0, count))
