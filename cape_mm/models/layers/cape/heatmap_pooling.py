# Copyright (c) cape_mm contributors. All rights reserved.
"""Heatmaps as products of two profiles, never stored as maps.

The heatmap of a keypoint is a Gaussian on whole cells inside a square: the
product of a profile of the rows and one of the columns. Resizing acts on
each of them, and pooling a feature map, resized to the heatmap's size, by the
heatmap is a product of three small matrices on the feature map's own cells.
"""

from __future__ import annotations

from typing import NamedTuple, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from ..points import at_least_float32


class HeatmapProfiles(NamedTuple):
    """Heatmaps of keypoints (..., K): rows times columns."""

    rows: Tensor  # (..., K, H)
    columns: Tensor  # (..., K, W)


def heatmap_profiles(
    points: Tensor, heatmap_size: Sequence[int], sigma: float
) -> HeatmapProfiles:
    """Profiles of the heatmaps of MMPose's ``MSRAHeatmap``.

    Args:
        points (Tensor): Keypoints (..., K, 2), input pixels divided by the
            size of the input; outside [0, 1] only a part of the Gaussian, or
            nothing, is on the map.
        heatmap_size (Sequence[int]): Width and height of the heatmap.
        sigma (float): Sigma of the Gaussian, in cells; it ends at 3 sigma.

    Returns:
        HeatmapProfiles: Profiles of the given size.
    """
    points = at_least_float32(points)
    profiles = []
    for size, place in zip(heatmap_size, points.unbind(dim=-1)):
        # the centre is a whole cell, rounded towards 0 as by Python's int()
        centre = (size * place + 0.5).trunc().unsqueeze(-1)
        distance = torch.arange(size, device=points.device) - centre
        profile = torch.exp(-(distance**2) / (2 * sigma**2))
        profiles.append(profile * (distance.abs() <= 3 * sigma))
    columns, rows = profiles
    return HeatmapProfiles(rows, columns)


def pool_features(feature_map: Tensor, heatmaps: HeatmapProfiles) -> Tensor:
    """Mean of features, weighted by heatmaps.

    Equal to resizing the feature map bilinearly to the heatmap's size and
    taking the mean there, without the large map.

    Args:
        feature_map (Tensor): Features (N, C, h, w).
        heatmaps (HeatmapProfiles): Heatmaps of (N, K) keypoints.

    Returns:
        Tensor: Features (N, K, C), float32 at least; 0 where a heatmap is 0.
    """
    dtype = torch.promote_types(feature_map.dtype, torch.float32)
    with torch.autocast(feature_map.device.type, enabled=False):
        rows = _spread(heatmaps.rows, feature_map.shape[2]).to(dtype)
        columns = _spread(heatmaps.columns, feature_map.shape[3]).to(dtype)
        weights = rows.unsqueeze(-1) * columns.unsqueeze(-2)
        mass = heatmaps.rows.sum(-1) * heatmaps.columns.sum(-1)
        features = feature_map.to(dtype).flatten(2).transpose(1, 2)
        pooled = weights.flatten(2) @ features
        return pooled / (mass.unsqueeze(-1) + 1e-8)


def pool_supports(
    feature_map: Tensor,
    points: Tensor,
    valid: Tensor,
    heatmap_size: Sequence[int],
    sigma: float,
) -> Tensor:
    """Mean features at the keypoints of all shots that have them.

    Args:
        feature_map (Tensor): Features (B * S, C, h, w).
        points (Tensor): Keypoints (B, S, K, 2), input pixels divided by the
            size of the input.
        valid (Tensor): Mask (B, S, K), bool.
        heatmap_size (Sequence[int]): See :func:`heatmap_profiles`.
        sigma (float): See :func:`heatmap_profiles`.

    Returns:
        Tensor: Features (B, K, C), float32 at least; 0 without a shot.
    """
    heatmaps = heatmap_profiles(points.flatten(0, 1), heatmap_size, sigma)
    pooled = pool_features(feature_map, heatmaps)
    weights = valid.unsqueeze(-1).to(pooled.dtype)
    pooled = pooled.unflatten(0, weights.shape[:2]) * weights
    return pooled.sum(dim=1) / weights.sum(dim=1).clamp(min=1)


def resized_heatmaps(
    heatmaps: HeatmapProfiles, map_size: Sequence[int]
) -> Tensor:
    """Heatmaps resized bilinearly, with a maximum of 1.

    Args:
        heatmaps (HeatmapProfiles): Heatmaps of (N, K) keypoints.
        map_size (Sequence[int]): Height h and width w of the result.

    Returns:
        Tensor: Heatmaps (N, K, h * w), float32.
    """
    rows, columns = (
        F.interpolate(profile, size=size, mode='linear')
        for profile, size in zip(heatmaps, map_size)
    )
    maps = (rows.unsqueeze(-1) * columns.unsqueeze(-2)).flatten(2)
    return maps / (maps.amax(-1, keepdim=True) + 1e-10)


def _spread(profile: Tensor, size: int) -> Tensor:
    """Transposed bilinear resizing of profiles (N, K, L) to (N, K, size)."""
    unit = torch.eye(size).to(profile).unsqueeze(0)
    resize = F.interpolate(unit, size=profile.shape[-1], mode='linear')
    return profile @ resize.squeeze(0).T
