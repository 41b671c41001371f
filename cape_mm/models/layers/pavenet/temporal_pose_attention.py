# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import math

import torch
from mmcv.ops.multi_scale_deform_attn import (
    MultiScaleDeformableAttnFunction,
    multi_scale_deformable_attn_pytorch,
)
from torch import Tensor, nn

from ..points import at_least_float32
from .clip_encoder import ClipMemory
from .pose_queries import pose_extent

_SMALLEST_POSE = 1e-4
_COLUMNS_AT_ONCE = 64


class TemporalPoseAttention(nn.Module):
    """Deformable attention around a pose in all frames of a window.

    Sampling points are offset from the keypoints of the query's pose in each
    frame. There is one softmax over frames x levels x points, which is what
    PAVE-Net's weighting of frames amounts to; so frames are nothing but
    further levels of an ordinary multi-scale deformable attention, called
    once, on any device and with any number of frames.

    Two uses:

    - of persons: ``num_anchors=K``, offsets in units of half the extent of the
      pose (``scale='pose'``);
    - of single keypoints: ``num_anchors=1``, several points per anchor,
      offsets in cells of the level (``scale='cell'``).
    """

    def __init__(
        self,
        embed_dims: int,
        num_heads: int,
        num_levels: int,
        num_frames: int,
        num_anchors: int,
        points_per_anchor: int = 1,
        scale: str = 'pose',
    ) -> None:
        super().__init__()
        if scale not in ('pose', 'cell'):
            raise ValueError(f"scale is 'pose' or 'cell', not {scale!r}")
        if embed_dims % num_heads:
            raise ValueError(
                f'{num_heads} heads do not divide {embed_dims} channels'
            )
        self.scale = scale
        #: F, M, L, A, P: layout of what the linear layers give.
        self.layout = (
            num_frames,
            num_heads,
            num_levels,
            num_anchors,
            points_per_anchor,
        )
        count = math.prod(self.layout)
        self.offsets = nn.Linear(embed_dims, 2 * count)
        self.weights = nn.Linear(embed_dims, count)
        self.value = nn.Linear(embed_dims, embed_dims)
        self.out = nn.Linear(embed_dims, embed_dims)
        self.init_weights()

    def init_weights(self) -> None:
        """Start with fixed points around the anchors, all of equal weight."""
        for layer in (self.offsets, self.weights):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)
        for layer in (self.value, self.out):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)
        heads, points = self.layout[1], self.layout[-1]
        angle = 2 * math.pi * torch.arange(heads) / heads
        ring = torch.stack([angle.cos(), angle.sin()], dim=-1)
        # Points of a head lie on a ray, none far from its keypoint.
        step = 0.5 if self.scale == 'cell' else 0.1
        reach = step * torch.arange(1, points + 1)
        start = ring[:, None, None, None] * reach[:, None]
        with torch.no_grad():
            bias = self.offsets.bias.view(*self.layout, 2)
            bias.copy_(start.expand_as(bias[0]))

    def forward(
        self, query: Tensor, reference: Tensor, memory: ClipMemory
    ) -> Tensor:
        """Attend from queries (B, Q, C) around anchors (B, Q, F, A, 2)."""
        frames, heads, levels, anchors, points = self.layout
        locations, weights = self.sample_points(query, reference, memory)
        value = self.value(memory.tokens)
        value = value.masked_fill(~memory.valid[:, None, :, None], 0.0)
        # mmcv's op casts locations to the type of the values, and refuses
        # bfloat16.
        value, locations, weights = (
            at_least_float32(x) for x in (value, locations, weights)
        )
        value = value.flatten(1, 2).unflatten(-1, (heads, -1))
        sizes = torch.tensor(
            memory.shapes * frames, device=query.device, dtype=torch.int64
        )
        # B, Q, F, M, L, A * P -> B, Q, M, F * L, A * P
        locations = locations.flatten(5, 6).transpose(2, 3).flatten(3, 4)
        weights = weights.flatten(5, 6).transpose(2, 3).flatten(3, 4)
        if value.is_cuda:
            area = sizes.prod(dim=1)
            attended = MultiScaleDeformableAttnFunction.apply(
                value.contiguous(),
                sizes,
                area.cumsum(dim=0) - area,
                locations.contiguous(),
                weights.contiguous(),
                # a divisor of the batch, as the op requires
                math.gcd(len(value), _COLUMNS_AT_ONCE),
            )
        else:
            attended = multi_scale_deformable_attn_pytorch(
                value, sizes, locations, weights
            )
        return self.out(attended.to(query.dtype))

    def sample_points(
        self, query: Tensor, reference: Tensor, memory: ClipMemory
    ) -> tuple[Tensor, Tensor]:
        """Sampling points of the queries and their weights.

        Locations (B, Q, F, M, L, A, P, 2) are in [0, 1] of the padded input,
        weights (B, Q, F, M, L, A, P) have the sum 1 over F, L, A and P.
        """
        frames, heads, levels, anchors, points = self.layout
        shape = query.shape[:2]
        offsets = self.offsets(query).view(*shape, *self.layout, 2)
        ratio = memory.valid_ratio[:, None, None, None]
        anchor = (reference * ratio)[:, :, :, None, None, :, None]
        if self.scale == 'pose':
            extent = (
                pose_extent(reference).clamp(min=_SMALLEST_POSE)
                * ratio[:, :, :, 0]
            )
            unit = 0.5 * extent[:, :, :, None, None, None, None]
        else:
            cells = offsets.new_tensor(memory.shapes).flip(-1)
            unit = 1 / cells[:, None, None]
        logits = self.weights(query).view(*shape, *self.layout)
        # All but the heads compete.
        flat = logits.transpose(2, 3).flatten(3).softmax(dim=-1)
        weights = flat.view(
            *shape, heads, frames, levels, anchors, points
        ).transpose(2, 3)
        return anchor + unit * offsets, weights
