# Copyright (c) cape_mm contributors. All rights reserved.
from typing import Sequence

import torch
from torch import Tensor, nn

from .attention import Attention
from .feature_sampling import sample_features


class LocalAttention(nn.Module):
    """Attention of a point to the image around it.

    Each query looks at a small grid around its reference point on every
    feature level; a predicted shift moves the grid as a whole and zero shift
    is the start. Unlike deformable attention, the weights compare contents
    (query against sampled feature), which serves few-shot matching.

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
        grid_size: int = 5,
    ) -> None:
        super().__init__()
        steps = torch.arange(grid_size) - (grid_size - 1) / 2
        grid = torch.stack(torch.meshgrid(steps, steps, indexing='xy'), -1)
        self.register_buffer('grid', grid.flatten(0, 1), persistent=False)
        self.cell_embed = nn.Parameter(
            0.02 * torch.randn(num_levels, grid_size**2, embed_dims)
        )
        self.shift = nn.Linear(embed_dims, 2 * num_levels)
        nn.init.zeros_(self.shift.weight)
        nn.init.zeros_(self.shift.bias)
        self.attention = Attention(embed_dims, num_heads)

    def forward(
        self, query: Tensor, reference: Tensor, features: Sequence[Tensor]
    ) -> Tensor:
        """Gather image evidence.

        Args:
            query (Tensor): (N, T, C).
            reference (Tensor): (N, T, 2), ``(x, y)`` in [0, 1] of the input.
            features (Sequence[Tensor]): Levels of shape (N, C, H, W).

        Returns:
            Tensor: (N, T, C).
        """
        shifts = self.shift(query).unflatten(-1, (-1, 1, 2))
        evidence = []
        for level, feature_map in enumerate(features):
            cell = reference.new_tensor(feature_map.shape[:-3:-1])
            offsets = (self.grid + shifts[:, :, level]) / cell
            sampled = sample_features(
                feature_map, reference.unsqueeze(2) + offsets
            )
            evidence.append(sampled + self.cell_embed[level])
        evidence = torch.cat(evidence, dim=2)
        # Every query has its own evidence, so queries become the batch.
        memory = evidence.flatten(0, 1)
        attended = self.attention(
            query.flatten(0, 1).unsqueeze(1),
            self.attention.project(memory, memory),
        )
        return attended.view_as(query)
