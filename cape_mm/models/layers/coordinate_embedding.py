# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import math

import torch
from torch import Tensor, nn


class CoordinateEmbedding(nn.Module):
    """Embed points continuously: Fourier features followed by a linear map.

    Neighbouring points get neighbouring embeddings, so that a decoder fed
    with its own slightly wrong prediction gets an input close to those it
    was trained on. A table of embedded coordinate bins has no such property.

    Args:
        embed_dims (int): Output channels C.
        num_bands (int): Frequencies per axis, from half a period to
            ``2 ** (num_bands - 2)`` periods over the input, one octave apart.
            Defaults to 7.
    """

    def __init__(self, embed_dims: int, num_bands: int = 7) -> None:
        super().__init__()
        self.register_buffer(
            'frequencies',
            math.pi * 2.0 ** torch.arange(num_bands),
            persistent=False,
        )
        self.projection = nn.Linear(2 * (1 + 2 * num_bands), embed_dims)

    def forward(self, points: Tensor) -> Tensor:
        """Embed points.

        Args:
            points (Tensor): Points (..., 2), normalised.

        Returns:
            Tensor: Embeddings (..., C).
        """
        centred = points - 0.5
        phases = (centred.unsqueeze(-1) * self.frequencies).flatten(-2)
        return self.projection(
            torch.cat([centred, phases.sin(), phases.cos()], dim=-1)
        )
