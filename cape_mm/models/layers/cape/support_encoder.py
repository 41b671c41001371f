# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from typing import Sequence

import torch
from torch import Tensor, nn

from ..attention import Attention, FeedForward
from ..points import CoordinateEmbedding, sample_features


class SkeletonMixing(nn.Module):
    """One residual graph convolution along the skeleton.

    Every keypoint receives the mean of its valid neighbours, so that an
    invalid keypoint is informed by its neighbours but never informs them.
    Without an edge the layer is the identity.
    """

    def __init__(self, embed_dims: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(embed_dims)
        self.message = nn.Linear(embed_dims, embed_dims, bias=False)

    def forward(
        self, tokens: Tensor, adjacency: Tensor, valid: Tensor
    ) -> Tensor:
        """Mix tokens (N, K, C) by adjacency (N, K, K) and mask (N, K)."""
        weights = (adjacency & valid.unsqueeze(1)).to(tokens.dtype)
        weights = weights / weights.sum(-1, keepdim=True).clamp(min=1)
        return tokens + weights @ self.message(self.norm(tokens))


class _SupportEncoderLayer(nn.Module):
    """Skeleton mixing, self-attention and feed-forward, all pre-norm."""

    def __init__(
        self, embed_dims: int, num_heads: int, use_skeleton: bool
    ) -> None:
        super().__init__()
        self.skeleton_mixing = (
            SkeletonMixing(embed_dims) if use_skeleton else None
        )
        self.attention_norm = nn.LayerNorm(embed_dims)
        self.attention = Attention(embed_dims, num_heads)
        self.ffn_norm = nn.LayerNorm(embed_dims)
        self.ffn = FeedForward(embed_dims)

    def forward(
        self, tokens: Tensor, adjacency: Tensor, valid: Tensor
    ) -> Tensor:
        if self.skeleton_mixing is not None:
            tokens = self.skeleton_mixing(tokens, adjacency, valid)
        normed = self.attention_norm(tokens)
        # An invalid keypoint attends to itself: no row of the mask is empty.
        itself = torch.eye(
            tokens.shape[1], dtype=torch.bool, device=tokens.device
        )
        tokens = tokens + self.attention(
            normed,
            self.attention.project(normed, normed),
            mask=valid.unsqueeze(1) | itself,
        )
        return tokens + self.ffn(self.ffn_norm(tokens))


class SupportEncoder(nn.Module):
    """Turn annotated support images into one token per keypoint.

    A token starts from the image features at the keypoint and from its
    coordinates; the skeleton and the other keypoints of the same image
    refine it. Shots are then fused keypoint by keypoint by attention over
    the shots in which the keypoint is valid. Coordinates of different
    instances are never averaged.

    Args:
        embed_dims (int): Channels C of features and tokens.
        num_heads (int): Number of attention heads.
        num_levels (int): Number of feature levels.
        num_layers (int): Number of layers within one shot. Defaults to 2.
        use_features (bool): Whether to sample the support's features; without
            them, a keypoint is its geometry and skeleton alone. Defaults to
            True.
        use_skeleton (bool): Whether to use the skeleton. Defaults to True.
    """

    def __init__(
        self,
        embed_dims: int,
        num_heads: int,
        num_levels: int,
        num_layers: int = 2,
        use_features: bool = True,
        use_skeleton: bool = True,
    ) -> None:
        super().__init__()
        # zip() with the levels: none of them is sampled without projections
        self.feature_projections = nn.ModuleList(
            nn.Linear(embed_dims, embed_dims)
            for _ in range(num_levels * use_features)
        )
        self.coordinate_embedding = CoordinateEmbedding(embed_dims)
        self.missing = nn.Parameter(0.02 * torch.randn(embed_dims))
        self.layers = nn.ModuleList(
            _SupportEncoderLayer(embed_dims, num_heads, use_skeleton)
            for _ in range(num_layers)
        )
        self.norm = nn.LayerNorm(embed_dims)
        self.shot_attention = Attention(embed_dims, num_heads)

    def forward(
        self,
        features: Sequence[Tensor],
        points: Tensor,
        valid: Tensor,
        adjacency: Tensor,
    ) -> Tensor:
        """Encode B episodes with S supports: tokens (B, K, C).

        The token of a keypoint without a valid shot is made from its
        neighbours alone.

        Args:
            features (Sequence[Tensor]): Feature levels (B * S, C, H, W).
            points (Tensor): Keypoints (B, S, K, 2), normalised.
            valid (Tensor): Mask (B, S, K), bool.
            adjacency (Tensor): Adjacency (B, K, K), bool.
        """
        batch_size, num_shots = valid.shape[:2]
        points, valid = points.flatten(0, 1), valid.flatten(0, 1)
        tokens = self.coordinate_embedding(points)
        for feature_map, project in zip(features, self.feature_projections):
            tokens = tokens + project(sample_features(feature_map, points))
        tokens = torch.where(valid.unsqueeze(-1), tokens, self.missing)

        adjacency = adjacency.repeat_interleave(num_shots, dim=0)
        for layer in self.layers:
            tokens = layer(tokens, adjacency, valid)
        tokens = self.norm(tokens).unflatten(0, (batch_size, num_shots))
        return self._fuse_shots(
            tokens, valid.unflatten(0, (batch_size, num_shots))
        )

    def _fuse_shots(self, tokens: Tensor, valid: Tensor) -> Tensor:
        """Fuse tokens (B, S, K, C) of the valid (B, S, K) shots."""
        # Where no shot is valid, all of them are used.
        used = valid | ~valid.any(dim=1, keepdim=True)
        weights = used.unsqueeze(-1).to(tokens.dtype)
        mean = (tokens * weights).sum(dim=1) / weights.sum(dim=1)

        shots = tokens.transpose(1, 2).flatten(0, 1)
        attended = self.shot_attention(
            mean.flatten(0, 1).unsqueeze(1),
            self.shot_attention.project(shots, shots),
            mask=used.transpose(1, 2).flatten(0, 1).unsqueeze(1),
        )
        return mean + attended.view_as(mean)
