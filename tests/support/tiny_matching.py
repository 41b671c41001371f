# Copyright (c) cape_mm contributors. All rights reserved.
"""A matcher whose features are colours, and images for it."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from mmengine.registry import DefaultScope
from torch import Tensor, nn

from cape_mm.registry import MODELS
from cape_mm.structures import EpisodeBatch

SIDE = 96


class ColourBackbone(nn.Module):
    """Random functions of the colour, averaged over cells of 4 pixels."""

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        weight = 3 * torch.randn(48, 3, 1, 1, generator=generator)
        phase = 6.3 * torch.rand(48, generator=generator)
        self.register_buffer('weight', weight)
        self.register_buffer('phase', phase)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        values = F.conv2d(images, self.weight, self.phase).cos()
        return F.avg_pool2d(values[:, :32], 4), F.avg_pool2d(values, 8)


def build_matcher(**head) -> nn.Module:
    """A small :class:`MatchingEstimator` in evaluation mode."""
    head = dict(
        dict(
            type='cape_mm.MatchingHead',
            level_weights=(1.0, 0.5),
            map_sizes=(24, 32),
            views=dict(num_rotations=4),
            springs=dict(),
        ),
        **head,
    )
    with DefaultScope.overwrite_default_scope('mmpose'):
        model = MODELS.build(
            dict(
                type='cape_mm.MatchingEstimator',
                backbone=dict(type=ColourBackbone),
                head=head,
            )
        )
    return model.eval()


def build_aligned_matcher(channels: int = 8) -> nn.Module:
    """A small :class:`AlignedMatchingEstimator` of 4 keypoints."""
    with DefaultScope.overwrite_default_scope('mmpose'):
        model = MODELS.build(
            dict(
                type='cape_mm.AlignedMatchingEstimator',
                backbone=dict(type=ColourBackbone),
                head=dict(type='cape_mm.MatchingHead', level_weights=(1.0,)),
                aligned_size=64,
                aligned_head=dict(
                    type='cape_mm.AlignedHeatmapHead',
                    in_channels=(32, 48),
                    out_channels=4,
                    channels=channels,
                ),
            )
        )
    return model.eval()


def smooth_images(count: int, seed: int = 0) -> Tensor:
    """Images (N, 3, H, W) in which hardly two places have one colour."""
    generator = torch.Generator().manual_seed(seed)
    coarse = 2 * torch.randn(count, 3, 6, 6, generator=generator)
    return F.interpolate(
        coarse, (SIDE, SIDE), mode='bicubic', align_corners=False
    )


def make_batch(
    points: Tensor,
    valid: Tensor | None = None,
    edges: tuple = (),
    partners: list[int] | None = None,
    num_queries: int = 1,
) -> EpisodeBatch:
    """Labels of supports (B, S, K, 2) alone."""
    size = points.shape[2]
    if valid is None:
        valid = torch.ones(points.shape[:3], dtype=torch.bool)
    adjacency = torch.zeros(len(points), size, size, dtype=torch.bool)
    for one, other in edges:
        adjacency[:, one, other] = adjacency[:, other, one] = True
    if partners is None:
        partners = list(range(size))
    shape = (len(points), num_queries, size)
    return EpisodeBatch(
        points * valid.unsqueeze(-1),
        valid,
        torch.zeros(*shape, 2),
        torch.zeros(shape, dtype=torch.bool),
        adjacency,
        torch.tensor(partners).repeat(len(points), 1),
    )


@torch.no_grad()
def match(
    model: nn.Module, support: Tensor, query: Tensor, batch: EpisodeBatch
) -> tuple[Tensor, Tensor]:
    """Keypoints and scores of images (B, S, ...) and (B, Q, ...)."""
    return model.head.predict(
        model.encode_supports(support), model.encode_queries(query), batch
    )
