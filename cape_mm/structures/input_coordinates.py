# Copyright (c) cape_mm contributors. All rights reserved.
"""Original pixels, input pixels and [0, 1] of the input.

Pixel centres have whole-numbered coordinates, so an image of width W reaches
from -0.5 to W - 0.5, which is 0 to 1 of the input. That is where
``grid_sample(align_corners=False)`` and deformable attention sample.
"""

from __future__ import annotations

from typing import Sequence

import torch
from torch import Tensor


def pixels_to_norm(points: Tensor, shape: Sequence[int]) -> Tensor:
    """Turn input pixels into [0, 1] of the input.

    Args:
        points (Tensor): (..., 2) x, y in input pixels.
        shape (Sequence[int]): Height and width of the input.

    Returns:
        Tensor: (..., 2), not clipped.
    """
    return (points + 0.5) / points.new_tensor([shape[1], shape[0]])


def norm_to_pixels(points: Tensor, shape: Sequence[int]) -> Tensor:
    """Turn [0, 1] of the input into input pixels.

    Args:
        points (Tensor): (..., 2) x, y in [0, 1].
        shape (Sequence[int]): Height and width of the input.

    Returns:
        Tensor: (..., 2) in input pixels.
    """
    return points * points.new_tensor([shape[1], shape[0]]) - 0.5


def norm_to_original(points: Tensor, warp_mat, shape: Sequence[int]) -> Tensor:
    """Turn [0, 1] of the input into original pixels.

    Args:
        points (Tensor): (..., 2) x, y in [0, 1].
        warp_mat (np.ndarray | Tensor): (2, 3) from original to input pixels.
        shape (Sequence[int]): Height and width of the input.

    Returns:
        Tensor: (..., 2) in original pixels.
    """
    warp = torch.as_tensor(warp_mat, dtype=torch.float64)
    inverse = torch.linalg.inv(warp[:, :2]).to(points)
    shifted = norm_to_pixels(points, shape) - warp[:, 2].to(points)
    return shifted @ inverse.T


def original_to_norm(points: Tensor, warp_mat, shape: Sequence[int]) -> Tensor:
    """Turn original pixels into [0, 1] of the input.

    Args:
        points (Tensor): (..., 2) x, y in original pixels.
        warp_mat (np.ndarray | Tensor): (2, 3) from original to input pixels.
        shape (Sequence[int]): Height and width of the input.

    Returns:
        Tensor: (..., 2), not clipped.
    """
    warp = torch.as_tensor(warp_mat).to(points)
    return pixels_to_norm(points @ warp[:, :2].T + warp[:, 2], shape)
