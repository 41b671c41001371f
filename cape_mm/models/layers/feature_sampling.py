# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def sample_features(feature_map: Tensor, points: Tensor) -> Tensor:
    """Read a feature map at continuous points (bilinear, zero outside).

    Args:
        feature_map (Tensor): (N, C, H, W).
        points (Tensor): (N, ..., 2), ``(x, y)`` in [0, 1] of the input.

    Returns:
        Tensor: (N, ..., C), of the wider of both types.
    """
    shape = points.shape[1:-1]
    # Half precision is too coarse for coordinates, and both must be alike.
    dtype = torch.promote_types(feature_map.dtype, points.dtype)
    grid = (2 * points - 1).flatten(1, -2).unsqueeze(2).to(dtype)
    sampled = F.grid_sample(feature_map.to(dtype), grid, align_corners=False)
    return sampled.squeeze(-1).transpose(1, 2).unflatten(1, shape)
