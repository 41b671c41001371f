# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import torch
from torch import Tensor, nn

from .attention import Attention
from .clip_memory import ClipMemory
from .map_lookup import MapLookup, SeenMaps
from .pose_branches import PersonBranches, PosePrediction
from .pose_embedding import PoseEmbedding
from .temporal_pose_attention import TemporalPoseAttention


class PoseDecoderLayer(nn.Module):
    """Queries look at each other, then around their poses in all frames.

    Args:
        self_attention (Attention): Between the queries of a window.
        cross_attention (TemporalPoseAttention): Into the frames.
        embed_dims (int): Channels C.
        feedforward_dims (int): Hidden channels of the feed-forward network.
        dropout (float): Defaults to 0.
    """

    def __init__(
        self,
        self_attention: Attention,
        cross_attention: TemporalPoseAttention,
        embed_dims: int,
        feedforward_dims: int,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.self_attention = self_attention
        self.cross_attention = cross_attention
        self.feed_forward = nn.Sequential(
            nn.Linear(embed_dims, feedforward_dims),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(feedforward_dims, embed_dims),
        )
        self.norms = nn.ModuleList(nn.LayerNorm(embed_dims) for _ in range(3))
        self.dropout = nn.Dropout(dropout)
        for part in (self.self_attention, self.feed_forward):
            for parameter in part.parameters():
                if parameter.dim() > 1:
                    nn.init.xavier_uniform_(parameter)

    def forward(
        self,
        query: Tensor,
        position: Tensor,
        reference: Tensor,
        memory: ClipMemory,
        valid: Tensor,
    ) -> Tensor:
        """Update queries.

        Args:
            query (Tensor): (B, Q, C).
            position (Tensor): (B, Q, C) or broadcastable.
            reference (Tensor): (B, Q, F, A, 2), anchors in [0, 1].
            memory (ClipMemory): The F frames.
            valid (Tensor): (B, Q) bool; padding is not looked at.

        Returns:
            Tensor: (B, Q, C).
        """
        place = query + position
        seen = self.self_attention.project(place, query)
        query = self._add(
            0, query, self.self_attention(place, seen, valid[:, None])
        )
        query = self._add(
            1,
            query,
            self.cross_attention(query + position, reference, memory),
        )
        return self._add(2, query, self.feed_forward(query))

    def _add(self, number: int, query: Tensor, update: Tensor) -> Tensor:
        return self.norms[number](query + self.dropout(update))


class PoseDecoder(nn.Module):
    """Turn queries of persons into poses, layer by layer.

    The position of a query is an embedding of its present pose. A layer moves
    the poses of all frames, if neighbours are supervised or a later layer
    looks at them; so no branch is without gradient.

    Args:
        embed_dims (int): Channels C.
        num_layers (int): Number of layers.
        num_heads (int): Attention heads.
        num_levels (int): L.
        num_frames (int): F.
        num_keypoints (int): K.
        feedforward_dims (int): Hidden channels.
        dropout (float): Defaults to 0.
        detach_reference (bool): Whether a layer sees the poses of the one
            before without gradient (PETR), or with it (PAVE-Net). Those of
            neighbour frames without labels always have it. Defaults to True.
        supervised_neighbours (bool): Whether the poses of neighbour frames
            are supervised. Defaults to True.
        with_visibility (bool): Whether visibility is predicted. Defaults to
            True.
        lookup_radius (int): Before each layer, the joints of a person move to
            where their maps say they are, up to so many cells away; see
            :class:`MapLookup`. Defaults to 0, not at all.
    """

    def __init__(
        self,
        embed_dims: int,
        num_layers: int,
        num_heads: int,
        num_levels: int,
        num_frames: int,
        num_keypoints: int,
        feedforward_dims: int,
        dropout: float = 0.0,
        detach_reference: bool = True,
        supervised_neighbours: bool = True,
        with_visibility: bool = True,
        lookup_radius: int = 0,
    ) -> None:
        super().__init__()
        self.detach_reference = detach_reference
        self.lookup_radius = lookup_radius
        self.supervised_neighbours = supervised_neighbours
        self.position = PoseEmbedding(num_keypoints, embed_dims)
        self.layers = nn.ModuleList()
        self.lookups = nn.ModuleList()
        self.seen = nn.ModuleList()
        self.branches = nn.ModuleList()
        for number in range(num_layers):
            self.layers.append(
                PoseDecoderLayer(
                    Attention(embed_dims, num_heads),
                    TemporalPoseAttention(
                        embed_dims,
                        num_heads,
                        num_levels,
                        num_frames,
                        num_anchors=num_keypoints,
                    ),
                    embed_dims,
                    feedforward_dims,
                    dropout,
                )
            )
            if lookup_radius:
                self.lookups.append(MapLookup(num_keypoints, lookup_radius))
                self.seen.append(
                    nn.Linear(3 * num_frames * num_keypoints, embed_dims)
                )
            moved = supervised_neighbours or number < num_layers - 1
            self.branches.append(
                PersonBranches(
                    embed_dims,
                    num_keypoints,
                    frames=num_frames if moved else 1,
                    with_visibility=with_visibility,
                )
            )

    def forward(
        self,
        query: Tensor,
        reference: Tensor,
        memory: ClipMemory,
        valid: Tensor,
        before: Tensor | None = None,
    ) -> tuple[Tensor, list[PosePrediction]]:
        """Decode the queries of B windows.

        Args:
            query (Tensor): (B, Q, C), content.
            reference (Tensor): (B, Q, K, 2), poses in [0, 1] to begin with,
                in all frames.
            memory (ClipMemory): The F frames.
            valid (Tensor): (B, Q) bool.
            before (Tensor, optional): (B, Q, C), added to the positions of
                the queries: where they were in the window before.

        Returns:
            tuple:
            - query (Tensor): (B, Q, C), after the last layer.
            - predictions (List[PosePrediction]): One per layer.
        """
        frames = memory.tokens.shape[1]
        poses = reference[:, :, None].expand(-1, -1, frames, -1, -1)
        predictions = []
        for number, layer in enumerate(self.layers):
            if self.lookup_radius:
                seen = self.lookups[number](poses, memory)
                poses = poses + seen.offsets
                query = query + self.seen[number](_summary(seen))
            position = self.position(poses[:, :, frames // 2].detach())
            if before is not None:
                position = position + before
            query = layer(query, position, poses, memory, valid)
            predictions.append(self.branches[number](query, poses))
            poses = hand_on(
                predictions[-1].poses,
                self.detach_reference,
                self.supervised_neighbours,
            )
        return query, predictions


def _summary(seen: SeenMaps) -> Tensor:
    """Where the joints of a person are, and how sure: (B, P, F * K * 3)."""
    where = seen.offsets / seen.reach
    return torch.cat([where, seen.certainty], dim=-1).flatten(2)


def hand_on(
    poses: Tensor, detach: bool, supervised_neighbours: bool
) -> Tensor:
    """Poses (B, Q, F, K, 2) as the next layer sees them."""
    if not detach:
        return poses
    if supervised_neighbours:
        return poses.detach()
    middle = poses.shape[2] // 2
    kept = poses.clone()
    kept[:, :, middle] = poses[:, :, middle].detach()
    return kept
