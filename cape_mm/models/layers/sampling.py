# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from cape_mm.structures.coordinates import pixels_to_norm


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


def at_least_float32(value: Tensor) -> Tensor:
    """Leave half precision; float64 stays, for checks of gradients."""
    return value if value.dtype == torch.float64 else value.float()
