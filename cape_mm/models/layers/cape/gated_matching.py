# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn

from ..points import at_least_float32, grid_points, read_peaks


class Match(NamedTuple):
    """Similarity maps of N queries and what is read from them."""

    logits: Tensor  # (N, K, h * w), before the softmax
    expectation: Tensor  # (N, K, 2), mean of the softmax, for its loss
    points: Tensor  # (N, K, 2), mean around the peak, with gradient
    scores: Tensor  # (N, K), share of the mass around the peak, in [0, 1]
    map_size: tuple[int, int]  # height and width of the map


class GatedMatching(nn.Module):
    r"""Similarity of support tokens and query cells, without a temperature.

    With :math:`a = W_s t` of a token and the gate :math:`g(a)` in (-1, 1),
    the similarity of the token and a cell *m* is
    :math:`((1 + g) \odot a) \cdot W_q m`.

    Args:
        embed_dims (int): Channels E; the gate's hidden width is half of it.
    """

    def __init__(self, embed_dims: int) -> None:
        super().__init__()
        self.token_projection = nn.Linear(embed_dims, embed_dims)
        self.cell_projection = nn.Linear(embed_dims, embed_dims)
        self.gate = nn.Sequential(
            nn.Linear(embed_dims, embed_dims // 2),
            nn.ReLU(),
            nn.Linear(embed_dims // 2, embed_dims),
            nn.Tanh(),
        )

    def forward(
        self, tokens: Tensor, cells: Tensor, map_size: tuple[int, int]
    ) -> Match:
        """Compare tokens (N, K, E) with cells (N, h * w, E)."""
        tokens = self.token_projection(tokens)
        tokens = (1 + self.gate(tokens)) * tokens
        logits = tokens @ self.cell_projection(cells).transpose(1, 2)
        # half precision is too coarse for coordinates
        logits = at_least_float32(logits)
        grid = grid_points(*map_size, logits.device, logits.dtype)
        expectation = logits.softmax(-1) @ grid
        points, scores = read_peaks(logits.unflatten(2, map_size), window=1)
        return Match(logits, expectation, points, scores, map_size)
