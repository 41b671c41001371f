# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from typing import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..attention import KeyValue
from ..points import sample_features


class LocalAttention(nn.Module):
    """Attention of a keypoint to the image around it.

    Each query attends to a small grid around its reference on every feature
    level; a predicted shift moves the grid of a level as a whole and is zero
    at the start. Unlike in deformable attention, the weights compare
    contents (query against sampled key), which serves few-shot matching.
    Keys and values are projected once per image and then sampled, because
    both steps are linear.
    """

    def __init__(
        self,
        embed_dims: int,
        num_heads: int,
        num_levels: int,
        grid_size: int = 3,
    ) -> None:
        super().__init__()
        self.num_heads = num_heads
        steps = torch.arange(grid_size) - (grid_size - 1) / 2
        grid = torch.stack(torch.meshgrid(steps, steps, indexing='xy'), -1)
        self.register_buffer('grid', grid.flatten(0, 1), persistent=False)
        self.key_values = nn.ModuleList(
            nn.Conv2d(embed_dims, 2 * embed_dims, 1) for _ in range(num_levels)
        )
        # distinguishes the points of the grid
        self.place = nn.Parameter(
            0.02 * torch.randn(num_levels, grid_size**2, 2 * embed_dims)
        )
        self.shift = nn.Linear(embed_dims, 2 * num_levels)
        nn.init.zeros_(self.shift.weight)
        nn.init.zeros_(self.shift.bias)
        self.query = nn.Linear(embed_dims, embed_dims)
        self.out = nn.Linear(embed_dims, embed_dims)

    def sample(
        self, tokens: Tensor, reference: Tensor, features: Sequence[Tensor]
    ) -> KeyValue:
        """Sample the image around references (N, T, 2), normalised.

        Tokens (N, T, C) predict the shifts. Keys and values are
        (N, T, heads, P, C / heads), the P points of all levels together.
        """
        shifts = self.shift(tokens).unflatten(-1, (-1, 1, 2))
        sampled = []
        for level, feature_map in enumerate(features):
            size = reference.new_tensor(feature_map.shape[:-3:-1])
            cells = self.grid + shifts[:, :, level]
            points = reference.unsqueeze(2) + cells / size
            key_value = self.key_values[level](feature_map)
            sampled.append(
                sample_features(key_value, points) + self.place[level]
            )
        key_value = torch.cat(sampled, dim=2).unflatten(
            -1, (2, self.num_heads, -1)
        )
        return KeyValue(*key_value.transpose(2, 4).unbind(dim=3))

    def forward(self, query: Tensor, image: KeyValue) -> Tensor:
        """Gather image evidence (N, T, C) for queries (N, T, C)."""
        heads = self.query(query).unflatten(-1, (self.num_heads, 1, -1))
        attended = F.scaled_dot_product_attention(heads, *image)
        return self.out(attended.flatten(2))
