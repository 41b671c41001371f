# Copyright (c) cape_mm contributors. All rights reserved.
"""Points on feature maps: embedding, sampling, centres of cells."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cape_mm.structures.coordinates import pixels_to_norm


class CoordinateEmbedding(nn.Module):
    """Embed points continuously: Fourier features followed by a linear map.

    Neighbouring points get neighbouring embeddings, so that a decoder fed
    with its own slightly wrong prediction receives an input close to those
    of training. A table of coordinate bins has no such property. The
    frequencies per axis go from half a period to ``2 ** (num_bands - 2)``
    periods over the input, one octave apart.
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
        """Embed points (..., 2), normalised: (..., C)."""
        centred = points - 0.5
        phases = (centred.unsqueeze(-1) * self.frequencies).flatten(-2)
        return self.projection(
            torch.cat([centred, phases.sin(), phases.cos()], dim=-1)
        )


def sample_features(feature_map: Tensor, points: Tensor) -> Tensor:
    """Features (N, ..., C) of maps (N, C, H, W) at points (N, ..., 2).

    Bilinear, 0 outside; of the wider of both types.
    """
    shape = points.shape[1:-1]
    # Half precision is too coarse for coordinates, and both must be alike.
    dtype = torch.promote_types(feature_map.dtype, points.dtype)
    grid = (2 * points - 1).flatten(1, -2).unsqueeze(2).to(dtype)
    sampled = F.grid_sample(feature_map.to(dtype), grid, align_corners=False)
    return sampled.squeeze(-1).transpose(1, 2).unflatten(1, shape)


def in_cells(points: Tensor, cells: Tensor) -> Tensor:
    """Mask (B, Q) of points (B, Q, 2) in [0, 1] in cells (B, H, W) bool."""
    size = points.new_tensor(cells.shape[:-3:-1])
    place = (points * size).long()
    place = torch.minimum(place.clamp(min=0), size.long() - 1)
    rows = torch.arange(len(cells), device=cells.device)[:, None]
    return cells[rows, place[..., 1], place[..., 0]]


def grid_points(
    height: int, width: int, device: torch.device, dtype: torch.dtype
) -> Tensor:
    """Centres (height * width, 2) of a map's cells, normalised, row by row."""
    options = dict(device=device, dtype=dtype)
    y, x = torch.meshgrid(
        torch.arange(height, **options),
        torch.arange(width, **options),
        indexing='ij',
    )
    cells = torch.stack([x, y], dim=-1).flatten(0, 1)
    return pixels_to_norm(cells, (height, width))


def read_peaks(logits: Tensor, window: int) -> tuple[Tensor, Tensor]:
    """Mean (N, K, 2), normalised, of the mass around each peak, and the mass.

    Of the softmax of maps (N, K, H, W), in the window of cells at most
    ``window`` cells from the peak; the mass (N, K) is a share of the map's.
    """
    height, width = logits.shape[-2:]
    grid = grid_points(height, width, logits.device, logits.dtype)
    mass = logits.flatten(2).softmax(-1)
    cell = torch.arange(height * width, device=logits.device)
    peak = mass.argmax(-1, keepdim=True)
    inside = ((cell % width - peak % width).abs() <= window) & (
        (cell // width - peak // width).abs() <= window
    )
    mass = mass * inside
    share = mass.sum(-1)
    return mass @ grid / share.unsqueeze(-1), share


def at_least_float32(value: Tensor) -> Tensor:
    """Leave half precision; float64 stays, for checks of gradients."""
    return value if value.dtype == torch.float64 else value.float()
