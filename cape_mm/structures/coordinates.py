# Copyright (c) cape_mm contributors. All rights reserved.
"""The three frames of a point ``(x, y)``, and the ways between them.

* Original pixels of the image file.
* Input pixels of the network's input. Pixel centres are whole numbers, so an
  input of width W extends from -0.5 to W - 0.5.
* The normalised frame: [0, 1] of the input, from border to border. A point u
  is where ``grid_sample(align_corners=False)`` samples at ``2 * u - 1``, on
  feature maps of every stride.

The code of other methods divides input pixels by the size of the input. Such a
fraction is half an input pixel less than the normalised point.
"""

from __future__ import annotations

from typing import Sequence, TypeVar

import numpy as np
import torch
from torch import Tensor

Points = TypeVar('Points', Tensor, np.ndarray)


def pixels_to_norm(points: Points, shape: Sequence[int]) -> Points:
    """Turn input pixels into the normalised frame.

    Args:
        points (Tensor | np.ndarray): Points (..., 2), input pixels.
        shape (Sequence[int]): Height and width of the input.

    Returns:
        Tensor | np.ndarray: Points (..., 2), normalised, not clipped.
    """
    return (points + 0.5) / _size_like(points, shape)


def norm_to_pixels(points: Points, shape: Sequence[int]) -> Points:
    """Turn the normalised frame into input pixels.

    Args:
        points (Tensor | np.ndarray): Points (..., 2), normalised.
        shape (Sequence[int]): Height and width of the input.

    Returns:
        Tensor | np.ndarray: Points (..., 2), input pixels.
    """
    return points * _size_like(points, shape) - 0.5


def norm_to_fraction(points: Points, shape: Sequence[int]) -> Points:
    """Turn the normalised frame into input pixels / size of the input.

    Args:
        points (Tensor | np.ndarray): Points (..., 2), normalised.
        shape (Sequence[int]): Height and width of the input.

    Returns:
        Tensor | np.ndarray: Points (..., 2), input pixels divided by width
        and height.
    """
    return points - 0.5 / _size_like(points, shape)


def fraction_to_norm(points: Points, shape: Sequence[int]) -> Points:
    """Turn input pixels / size of the input into the normalised frame.

    Args:
        points (Tensor | np.ndarray): Points (..., 2), input pixels divided by
            width and height.
        shape (Sequence[int]): Height and width of the input.

    Returns:
        Tensor | np.ndarray: Points (..., 2), normalised.
    """
    return points + 0.5 / _size_like(points, shape)


def norm_to_original(points: Tensor, warp_mat, shape: Sequence[int]) -> Tensor:
    """Turn the normalised frame into original pixels.

    Args:
        points (Tensor): Points (..., 2), normalised.
        warp_mat (np.ndarray | Tensor): Affine matrix (2, 3) from original to
            input pixels.
        shape (Sequence[int]): Height and width of the input.

    Returns:
        Tensor: Points (..., 2), original pixels.
    """
    warp = torch.as_tensor(warp_mat, dtype=torch.float64)
    inverse = torch.linalg.inv(warp[:, :2]).to(points)
    shifted = norm_to_pixels(points, shape) - warp[:, 2].to(points)
    return shifted @ inverse.T


def original_to_norm(points: Tensor, warp_mat, shape: Sequence[int]) -> Tensor:
    """Turn original pixels into the normalised frame.

    Args:
        points (Tensor): Points (..., 2), original pixels.
        warp_mat (np.ndarray | Tensor): Affine matrix (2, 3) from original to
            input pixels.
        shape (Sequence[int]): Height and width of the input.

    Returns:
        Tensor: Points (..., 2), normalised, not clipped.
    """
    warp = torch.as_tensor(warp_mat).to(points)
    return pixels_to_norm(points @ warp[:, :2].T + warp[:, 2], shape)


def clip_polygon(
    polygon: np.ndarray, low: Sequence[float], high: Sequence[float]
) -> np.ndarray:
    """Cut a polygon at a rectangle, by the algorithm of Sutherland, Hodgman.

    Drawing then takes time by the rectangle, not by the polygon.

    Args:
        polygon (np.ndarray): Corners (P, 2), finite, in any frame.
        low (Sequence[float]): Least x and y of the rectangle, same frame.
        high (Sequence[float]): Largest x and y of the rectangle.

    Returns:
        np.ndarray: Corners (Q, 2); none if the polygon lies outside. Parts
        are joined along the rectangle.
    """
    for axis in (0, 1):
        for sign, limit in ((1, low[axis]), (-1, high[axis])):
            depth = sign * (polygon[:, axis] - limit)
            is_inside = depth >= 0
            if is_inside.all():
                continue
            step = np.roll(polygon, -1, axis=0) - polygon
            following = np.roll(depth, -1)
            crosses = is_inside != (following >= 0)
            share = depth / np.where(crosses, depth - following, 1)
            cuts = polygon + share[:, None] * step
            cuts[:, axis] = limit
            # each corner, then where its edge leaves or enters
            corners = np.stack([polygon, cuts], axis=1).reshape(-1, 2)
            kept = np.stack([is_inside, crosses], axis=1).ravel()
            polygon = corners[kept]
    return polygon


def _size_like(points: Points, shape: Sequence[int]) -> Points:
    """Width and height (2,), of the type of the points."""
    size = [shape[1], shape[0]]
    if isinstance(points, Tensor):
        return points.new_tensor(size)
    return np.asarray(size, points.dtype)
