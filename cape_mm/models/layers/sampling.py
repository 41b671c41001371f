# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from cape_mm.structures.coordinates import pixels_to_norm


def sample_features(feature_map: Tensor, points: Tensor) -> Tensor:
    """Sample a feature map at continuous points (bilinear, zero outside).

    Args:
        feature_map (Tensor): Feature map (N, C, H, W).
        points (Tensor): Points (N, ..., 2), normalised.

    Returns:
        Tensor: Features (N, ..., C), of the wider of both types.
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
    """Centres of the cells of a feature map.

    Args:
        height (int): Number of rows of the map.
        width (int): Number of columns of the map.
        device (torch.device): Device of the result.
        dtype (torch.dtype): Type of the result.

    Returns:
        Tensor: Points (height * width, 2), normalised, row by row.
    """
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
