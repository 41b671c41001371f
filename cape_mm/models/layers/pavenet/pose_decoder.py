# Copyright (c) cape_mm contributors. All rights reserved.
"""Decoders that turn queries into poses, layer by layer."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..attention import Attention
from ..points import CoordinateEmbedding
from .clip_encoder import ClipMemory
from .keypoint_heatmap import MapSampling, SampledMaps
from .pose_queries import PoseBranches, PosePrediction
from .temporal_pose_attention import TemporalPoseAttention


class PoseDecoder(nn.Module):
    """Decode queries of persons into poses.

    In each layer queries attend to each other, then to the surroundings of
    their poses in all frames. The position of a query is an embedding of its
    present pose. A layer moves the poses of all frames if neighbours are
    supervised or a later layer samples there, so that every branch has a
    gradient.

    Args:
        embed_dims (int): Channels C.
        num_layers (int): Number of layers.
        num_heads (int): Attention heads.
        num_levels (int): Number of feature levels L.
        num_frames (int): Frames of a window, F.
        num_keypoints (int): K.
        feedforward_dims (int): Hidden channels.
        dropout (float): Dropout rate. Defaults to 0.
        detach_reference (bool): Whether the references of a layer carry no
            gradient to the layer before (PETR), or do (PAVE-Net). Those of
            neighbour frames without labels always do. Defaults to True.
        supervised_neighbours (bool): Whether the poses of neighbour frames
            are supervised. Defaults to True.
        with_visibility (bool): Whether visibility is predicted. Defaults to
            True.
        sampling_radius (int): Before each layer, keypoints move to where
            their heatmaps locate them, at most this number of cells away;
            see :class:`MapSampling`. Defaults to 0, without sampling.
        num_points (int): Sampling points per anchor, head, level and frame.
            Defaults to 1.
    """

    per_keypoint = False

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
        sampling_radius: int = 0,
        num_points: int = 1,
    ) -> None:
        super().__init__()
        self.num_keypoints = num_keypoints
        self.detach_reference = detach_reference
        self.supervised_neighbours = supervised_neighbours
        self.sampling_radius = sampling_radius
        self._add_embeddings(embed_dims)
        self.layers = nn.ModuleList()
        self.map_samplers = nn.ModuleList()
        self.map_embeddings = nn.ModuleList()
        self.branches = nn.ModuleList()
        for number in range(num_layers):
            self.layers.append(
                _DecoderLayer(
                    Attention(embed_dims, num_heads),
                    TemporalPoseAttention(
                        embed_dims,
                        num_heads,
                        num_levels,
                        num_frames,
                        num_anchors=1 if self.per_keypoint else num_keypoints,
                        points_per_anchor=num_points,
                        scale='cell' if self.per_keypoint else 'pose',
                    ),
                    embed_dims,
                    feedforward_dims,
                    dropout,
                    group=num_keypoints if self.per_keypoint else None,
                )
            )
            if sampling_radius:
                sampler = MapSampling(num_keypoints, sampling_radius)
                self.map_samplers.append(sampler)
                self.map_embeddings.append(
                    self._map_embedding(embed_dims, num_frames, sampler)
                )
            moved = supervised_neighbours or number < num_layers - 1
            self.branches.append(
                PoseBranches(
                    embed_dims,
                    num_keypoints,
                    frames=num_frames if moved else 1,
                    with_visibility=with_visibility,
                    per_keypoint=self.per_keypoint,
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
        """Decode queries: last features (B, Q, C), and predictions by layer.

        Args:
            query (Tensor): Content (B, Q, C).
            reference (Tensor): Initial poses (B, Q, K, 2), normalised, the
                same for all frames.
            memory (ClipMemory): The F frames.
            valid (Tensor): (B, Q) bool, False for padding.
            before (Tensor, optional): Embedding (B, Q, C) of the poses in
                the window before, added to the positions of the queries.
        """
        frames = memory.tokens.shape[1]
        poses = reference[:, :, None].expand(-1, -1, frames, -1, -1)
        return self._decode(query, poses, memory, valid, before)

    def _decode(self, query, poses, memory, valid, before=None):
        """Pass queries and poses (B, Q, F, K, 2) through all layers."""
        predictions = []
        for number, layer in enumerate(self.layers):
            if self.sampling_radius:
                sampled = self.map_samplers[number](poses, memory)
                poses = poses + sampled.offsets
                query = query + self.map_embeddings[number](
                    self._map_features(sampled)
                )
            position = self.position(_middle(poses).detach()).flatten(1, -2)
            if before is not None:
                position = position + before
            query = layer(query, position, self._anchors(poses), memory, valid)
            predictions.append(self.branches[number](query, poses))
            poses = self._next_reference(predictions[-1].poses)
        return query, predictions

    def _next_reference(self, poses: Tensor) -> Tensor:
        """Poses (B, Q, F, K, 2) as references of the next layer."""
        if not self.detach_reference:
            return poses
        if self.supervised_neighbours:
            return poses.detach()
        kept = poses.clone()
        kept[:, :, poses.shape[2] // 2] = _middle(poses).detach()
        return kept

    def _add_embeddings(self, embed_dims: int) -> None:
        self.position = PoseEmbedding(self.num_keypoints, embed_dims)

    def _map_embedding(
        self, embed_dims: int, frames: int, sampler: MapSampling
    ) -> nn.Module:
        return nn.Linear(3 * frames * self.num_keypoints, embed_dims)

    def _map_features(self, sampled: SampledMaps) -> Tensor:
        """Offsets and certainty of a person's keypoints: (B, Q, F * K * 3)."""
        offsets = sampled.offsets / sampled.reach
        return torch.cat([offsets, sampled.certainty], dim=-1).flatten(2)

    def _anchors(self, poses: Tensor) -> Tensor:
        """Anchors (B, Q, F, A, 2) of the queries."""
        return poses


class KeypointDecoder(PoseDecoder):
    """Refine each keypoint of given persons by its surroundings.

    A query is one keypoint of one person: a learned embedding of the keypoint
    plus the features of the person. Keypoints of a person attend to each
    other; all keypoints of all persons attend to the same memory, which is
    not copied.

    Args:
        *args: See :class:`PoseDecoder`.
        num_points (int): Sampling points per head, level and frame. Defaults
            to 4.
        **kwargs: See :class:`PoseDecoder`.
    """

    per_keypoint = True

    def __init__(self, *args, num_points: int = 4, **kwargs) -> None:
        super().__init__(*args, num_points=num_points, **kwargs)

    def forward(
        self, query: Tensor, poses: Tensor, memory: ClipMemory, valid: Tensor
    ) -> list[PosePrediction]:
        """Refine poses (B, P, F, K, 2) of persons with features (B, P, C).

        ``valid`` (B, P) is False for padding; poses are used without
        gradient. The predictions of the layers have no logits.
        """
        query = self.keypoints.weight + self.person(query)[:, :, None]
        valid = valid.repeat_interleave(self.num_keypoints, dim=1)
        # B, P, K, C -> B, P * K, C
        query = query.flatten(1, 2)
        return self._decode(query, poses.detach(), memory, valid)[1]

    def _add_embeddings(self, embed_dims: int) -> None:
        self.keypoints = nn.Embedding(self.num_keypoints, embed_dims)
        self.person = nn.Linear(embed_dims, embed_dims)
        self.position = CoordinateEmbedding(embed_dims)

    def _map_embedding(
        self, embed_dims: int, frames: int, sampler: MapSampling
    ) -> nn.Module:
        return nn.Sequential(
            nn.Linear(frames * len(sampler.patch), embed_dims),
            nn.ReLU(),
            nn.Linear(embed_dims, embed_dims),
        )

    def _map_features(self, sampled: SampledMaps) -> Tensor:
        """Patches of the keypoints: (B, P * K, F * cells)."""
        # B, P, F, K, cells -> B, P * K, F * cells
        patches = sampled.patches.transpose(2, 3).flatten(3)
        return patches.flatten(1, 2)

    def _anchors(self, poses: Tensor) -> Tensor:
        # B, P, F, K, 2 -> B, P * K, F, 1, 2
        return poses.transpose(2, 3).flatten(1, 2)[:, :, :, None]


class PoseEmbedding(nn.Module):
    """Positional embedding of a track or detect query: that of its pose."""

    def __init__(
        self, num_keypoints: int, embed_dims: int, keypoint_dims: int = 32
    ) -> None:
        super().__init__()
        self.keypoint = CoordinateEmbedding(keypoint_dims)
        self.mix = nn.Sequential(
            nn.Linear(num_keypoints * keypoint_dims, embed_dims),
            nn.ReLU(),
            nn.Linear(embed_dims, embed_dims),
        )

    def forward(self, poses: Tensor) -> Tensor:
        """Embed poses (..., K, 2), normalised: (..., C)."""
        return self.mix(self.keypoint(poses).flatten(-2))


class _DecoderLayer(nn.Module):
    """Self-attention, deformable cross-attention, feed-forward network.

    With a ``group`` of K, only the K keypoints of a person attend to each
    other.
    """

    def __init__(
        self,
        self_attention: Attention,
        cross_attention: TemporalPoseAttention,
        embed_dims: int,
        feedforward_dims: int,
        dropout: float,
        group: int | None,
    ) -> None:
        super().__init__()
        self.group = group
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

    def forward(self, query, position, reference, memory, valid) -> Tensor:
        """Update queries (B, Q, C) with anchors (B, Q, F, A, 2)."""
        query = self._add(0, query, self._attend(query, position, valid))
        update = self.cross_attention(query + position, reference, memory)
        query = self._add(1, query, update)
        return self._add(2, query, self.feed_forward(query))

    def _attend(self, query, position, valid) -> Tensor:
        """Attend to other queries (B, Q, C) of the window or the person."""
        shape, key, mask = query.shape, query + position, valid[:, None]
        if self.group:
            # A padded person attends to itself, so no mask is needed.
            key = key.reshape(-1, self.group, shape[-1])
            query = query.reshape(-1, self.group, shape[-1])
            mask = None
        projected = self.self_attention.project(key, query)
        return self.self_attention(key, projected, mask).reshape(shape)

    def _add(self, number: int, query: Tensor, update: Tensor) -> Tensor:
        return self.norms[number](query + self.dropout(update))


def _middle(poses: Tensor) -> Tensor:
    """Poses (B, Q, F, K, 2) in the middle frame: (B, Q, K, 2)."""
    return poses[:, :, poses.shape[2] // 2]
