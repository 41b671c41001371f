# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from typing import NamedTuple, Sequence

import torch
from mmcv.ops import MultiScaleDeformableAttention
from mmcv.ops.multi_scale_deform_attn import (
    multi_scale_deformable_attn_pytorch,
)
from mmdet.models.layers import inverse_sigmoid
from torch import Tensor, nn

from ..points import at_least_float32, sample_features
from .refinement_decoder import make_point_mlp
from .sine_position import sine_points

_LOGIT_EPS = 1e-3


class DecodedPoints(NamedTuple):
    """Tokens and points of N queries after the layers."""

    tokens: Tensor  # (N, K, E), of the last layer
    points: Tensor  # (L, N, K, 2), in [0, 1], of each layer


class _DeformableAttention(MultiScaleDeformableAttention):
    """MMCV's attention without its CUDA operator, which not all builds have.

    Points are sampled in float32, which autocast does not do by itself.
    """

    def forward(
        self,
        tokens: Tensor,
        position: Tensor,
        points: Tensor,
        levels: Sequence[Tensor],
    ) -> Tensor:
        """Attend from tokens (N, K, E) around points (N, K, 2)."""
        value = torch.cat([level.flatten(2) for level in levels], dim=2)
        value = self.value_proj(value.transpose(1, 2))
        query = tokens + position
        layout = (self.num_heads, self.num_levels, self.num_points)
        offsets = self.sampling_offsets(query).unflatten(-1, (*layout, 2))
        weights = self.attention_weights(query)
        weights = weights.unflatten(-1, (self.num_heads, -1)).softmax(dim=-1)
        shapes = [tuple(level.shape[-2:]) for level in levels]
        # (L, 1, 2), width and height of the levels
        sizes = points.new_tensor([shape[::-1] for shape in shapes])[:, None]
        attended = multi_scale_deformable_attn_pytorch(
            at_least_float32(value).unflatten(-1, (self.num_heads, -1)),
            shapes,
            points[:, :, None, None, None] + at_least_float32(offsets) / sizes,
            at_least_float32(weights).unflatten(-1, layout[1:]),
        )
        attended = self.output_proj(attended.to(tokens.dtype))
        return tokens + self.dropout(attended)


class DeformablePointLayer(nn.Module):
    """Self-attention, a sample at the point, deformable attention; post-norm.

    A token without a point stays 0 after every step, but others attend to
    it: it says how many are missing.
    """

    def __init__(
        self,
        embed_dims: int,
        num_heads: int,
        num_levels: int,
        num_points: int,
        feedforward_channels: int,
        dropout: float,
    ) -> None:
        super().__init__()
        self.self_attention = nn.MultiheadAttention(
            embed_dims, num_heads, dropout, batch_first=True
        )
        self.self_norm = nn.LayerNorm(embed_dims)
        self.cross_attention = _DeformableAttention(
            embed_dims,
            num_heads,
            num_levels,
            num_points,
            dropout=dropout,
            batch_first=True,
        )
        self.cross_norm = nn.LayerNorm(embed_dims)
        self.ffn = nn.Sequential(
            nn.Linear(embed_dims, feedforward_channels),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(feedforward_channels, embed_dims),
            nn.Dropout(dropout),
        )
        self.ffn_norm = nn.LayerNorm(embed_dims)

    def forward(
        self,
        tokens: Tensor,
        position: Tensor,
        points: Tensor,
        levels: Sequence[Tensor],
        real: Tensor,
    ) -> Tensor:
        """Run tokens (N, K, E) at points (N, K, 2).

        ``levels`` are maps (N, E, h, w), ``real`` a mask (N, K, 1) of floats.
        """
        placed = tokens + position
        attended = self.self_attention(
            placed, placed, tokens, need_weights=False
        )[0]
        tokens = self.self_norm(tokens + attended) * real
        samples = [sample_features(level, points) for level in levels]
        tokens = tokens + torch.stack(samples).mean(dim=0) * real
        tokens = self.cross_norm(
            self.cross_attention(tokens, position, points, levels)
        )
        return self.ffn_norm(tokens + self.ffn(tokens)) * real


class DeformablePointDecoder(nn.Module):
    """Move points step by step, by what is sampled at and around them.

    The decoder of MetaPoint (Chen et al., "Meta-Point Learning and Refining
    for Category-Agnostic Pose Estimation", CVPR 2024). Each layer starts from
    the points of the one before, without their gradient.

    Args:
        embed_dims (int): Channels E. Defaults to 256.
        num_layers (int): Number of layers. Defaults to 3.
        num_heads (int): Number of attention heads. Defaults to 4.
        num_levels (int): Number of feature levels. Defaults to 3.
        num_points (int): Number of samples per head and level. Defaults to 4.
        feedforward_channels (int): Width of the feed-forward networks.
            Defaults to 256.
        dropout (float): Dropout probability. Defaults to 0.1.
    """

    def __init__(
        self,
        embed_dims: int = 256,
        num_layers: int = 3,
        num_heads: int = 4,
        num_levels: int = 3,
        num_points: int = 4,
        feedforward_channels: int = 256,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.embed_dims = embed_dims
        self.layers = nn.ModuleList(
            DeformablePointLayer(
                embed_dims,
                num_heads,
                num_levels,
                num_points,
                feedforward_channels,
                dropout,
            )
            for _ in range(num_layers)
        )
        self.point_mlps = nn.ModuleList(
            make_point_mlp(embed_dims) for _ in range(num_layers)
        )

    def forward(
        self,
        tokens: Tensor,
        start: Tensor,
        identifiers: Tensor,
        levels: Sequence[Tensor],
        real: Tensor | None = None,
    ) -> DecodedPoints:
        """Refine points.

        Args:
            tokens (Tensor): Tokens (N, K, E).
            start (Tensor): First points (N, K, 2), in [0, 1].
            identifiers (Tensor): Codes (K, E) of the tokens.
            levels (Sequence[Tensor]): Maps (N, E, h, w).
            real (Tensor, optional): Mask (N, K), bool, of tokens that have a
                point. Defaults to all.

        Returns:
            DecodedPoints: Tokens, and points of every layer, float32 at
            least.
        """
        if real is None:
            real = tokens.new_ones(tokens.shape[:2], dtype=torch.bool)
        real = real.unsqueeze(-1).to(tokens.dtype)
        points, source = [], at_least_float32(start.detach())
        for layer, mlp in zip(self.layers, self.point_mlps):
            position = identifiers + sine_points(source, self.embed_dims)
            tokens = layer(tokens, position, source, levels, real)
            step = at_least_float32(mlp(tokens))
            points.append(
                (inverse_sigmoid(source, _LOGIT_EPS) + step).sigmoid()
            )
            source = points[-1].detach()
        return DecodedPoints(tokens, torch.stack(points))


def layer_slack(
    num_layers: int,
    device: torch.device | None = None,
    step: float = 0.1,
) -> Tensor:
    """Distance (L,) that costs nothing after each layer, the last one 0.

    Args:
        num_layers (int): Number of layers L.
        device (torch.device, optional): Device of the result.
        step (float): Difference of two layers, normalised. Defaults to 0.1.

    Returns:
        Tensor: Slack, float32, normalised.
    """
    return step * torch.arange(num_layers - 1, -1, -1, device=device)
