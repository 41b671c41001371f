# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from cape_mm.structures.coordinates import pixels_to_norm


class CoordinateEmbedding(nn.Module):
    """Embed points continuously: Fourier features followed by a linear map.

    Neighbouring points get neighbouring embeddings, so that a decoder fed
    with its own slightly wrong prediction sees an input close to those it
    was trained on. A look-up table of coordinate bins has no such property.

    Args:
        embed_dims (int): Output channels C.
        num_bands (int): Frequencies per axis, from half a period to
            ``2 ** (num_bands - 2)`` periods over the input, one octave apart.
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
            points (Tensor): (..., 2), ``(x, y)`` in [0, 1] of the input.

        Returns:
            Tensor: (..., C).
        """
        centred = points - 0.5
        phases = (centred.unsqueeze(-1) * self.frequencies).flatten(-2)
        return self.projection(
            torch.cat([centred, phases.sin(), phases.cos()], dim=-1)
        )


def grid_points(
    height: int, width: int, device: torch.device, dtype: torch.dtype
) -> Tensor:
    """Centres of the cells of a feature map.

    Args:
        height (int): Rows of the map.
        width (int): Columns of the map.
        device (torch.device): Device of the result.
        dtype (torch.dtype): Type of the result.

    Returns:
        Tensor: (height * width, 2), ``(x, y)`` in [0, 1] of the input, row by
        row.
    """
    options = dict(device=device, dtype=dtype)
    y, x = torch.meshgrid(
        torch.arange(height, **options),
        torch.arange(width, **options),
        indexing='ij',
    )
    cells = torch.stack([x, y], dim=-1).flatten(0, 1)
    return pixels_to_norm(cells, (height, width))
