# Copyright (c) cape_mm contributors. All rights reserved.
from typing import Sequence, Tuple

import torch
from torch import Tensor, nn

from .feature_sampling import sample_features


class LocalAttention(nn.Module):
    """Attention of a point to the image around it.

    Each query looks at a small grid around its reference point on every
    feature level; a predicted shift moves the grid of a level as a whole and
    is zero at the start. Unlike in deformable attention, the weights compare
    contents (query against sampled key), which serves few-shot matching.
    Keys and values are projected once per image and then sampled, because
    both steps are linear.

    Args:
        embed_dims (int): Channels C of queries and features.
        num_heads (int): Attention heads.
        num_levels (int): Feature levels, from fine to coarse.
        grid_size (int): Points per side of the grid, one cell of the level
            apart.
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
        # what tells the points of the grid apart
        self.place = nn.Parameter(
            0.02 * torch.randn(num_levels, grid_size**2, 2 * embed_dims)
        )
        self.shift = nn.Linear(embed_dims, 2 * num_levels)
        nn.init.zeros_(self.shift.weight)
        nn.init.zeros_(self.shift.bias)
        self.query = nn.Linear(embed_dims, embed_dims)
        self.out = nn.Linear(embed_dims, embed_dims)

    def project(self, features: Sequence[Tensor]) -> Tuple[Tensor, ...]:
        """Project all levels to keys and values.

        Args:
            features (Sequence[Tensor]): Levels of shape (N, C, H, W).

        Returns:
            Tuple[Tensor]: Levels of shape (N, 2 * C, H, W).
        """
        return tuple(
            project(level) for project, level in zip(self.key_values, features)
        )

    def forward(
        self, query: Tensor, reference: Tensor, maps: Sequence[Tensor]
    ) -> Tensor:
        """Gather image evidence.

        Args:
            query (Tensor): (N, T, C).
            reference (Tensor): (N, T, 2), ``(x, y)`` in [0, 1] of the input.
            maps (Sequence[Tensor]): From :meth:`project`.

        Returns:
            Tensor: (N, T, C).
        """
        shifts = self.shift(query).unflatten(-1, (-1, 1, 2))
        sampled = []
        for level, level_map in enumerate(maps):
            height, width = level_map.shape[-2:]
            cells = self.grid + shifts[:, :, level]
            offsets = torch.stack(
                [cells[..., 0] / width, cells[..., 1] / height], dim=-1
            )
            points = reference.unsqueeze(2) + offsets
            sampled.append(
                sample_features(level_map, points) + self.place[level]
            )
        # (N, T, points of all levels, 2, heads, C / heads)
        key_value = torch.cat(sampled, dim=2).unflatten(
            -1, (2, self.num_heads, -1)
        )
        key, value = key_value.unbind(dim=3)
        heads = self.query(query).unflatten(-1, (1, self.num_heads, -1))
        logits = (heads * key).sum(dim=-1) / key.shape[-1] ** 0.5
        weights = logits.softmax(dim=2).unsqueeze(-1)
        return self.out((weights * value).sum(dim=2).flatten(-2))
