# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from ..points import CoordinateEmbedding, grid_points, read_peaks


class Proposal(NamedTuple):
    """First guess of every keypoint."""

    logits: Tensor  # maps (N, K, H * W) before the softmax
    points: Tensor  # (N, K, 2), normalised, without gradient
    scores: Tensor  # (N, K), share of the mass around the peak, in [0, 1]
    map_size: tuple[int, int]  # height and width of the map


class SimilarityProposal(nn.Module):
    """Compare support tokens with every cell of the query's feature map.

    The softmax of the similarities is trained as a heatmap; its centre of
    mass in a window around the peak, at most ``window`` cells away, is the
    proposed point. The window keeps a second, weaker peak from pulling the
    point between two parts that look alike.
    """

    def __init__(self, embed_dims: int, window: int = 2) -> None:
        super().__init__()
        self.window = window
        self.token_projection = nn.Sequential(
            nn.Linear(embed_dims, embed_dims),
            nn.GELU(),
            nn.Linear(embed_dims, embed_dims),
        )
        self.feature_projection = nn.Linear(embed_dims, embed_dims)
        self.grid_embedding = CoordinateEmbedding(embed_dims)

    def forward(self, tokens: Tensor, feature_map: Tensor) -> Proposal:
        """Propose a point for each token (N, K, C) on a map (N, C, H, W)."""
        height, width = feature_map.shape[-2:]
        # half precision is too coarse for coordinates
        dtype = torch.promote_types(feature_map.dtype, torch.float32)
        grid = grid_points(height, width, feature_map.device, dtype)
        cells = self.feature_projection(feature_map.flatten(2).transpose(1, 2))
        cells = cells + self.grid_embedding(grid)
        logits = self.token_projection(tokens) @ cells.transpose(1, 2)
        logits = logits / tokens.shape[-1] ** 0.5
        with torch.autocast(logits.device.type, enabled=False):
            maps = logits.detach().float().unflatten(2, (height, width))
            points, scores = read_peaks(maps, self.window)
        return Proposal(logits, points, scores, (height, width))
