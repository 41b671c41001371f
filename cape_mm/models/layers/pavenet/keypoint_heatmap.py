# Copyright (c) cape_mm contributors. All rights reserved.
"""Heatmaps of the keypoints of all persons, their loss and their sampling."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from mmdet.models.losses import GaussianFocalLoss
from mmdet.utils import reduce_mean
from torch import Tensor, nn

from ..points import grid_points, in_cells
from .clip_encoder import ClipMemory

_GROUPS = 8
# Cells above this target belong to a peak, also in ignored areas.
_PEAK = 0.1


class KeypointHeatmap(nn.Module):
    """One heatmap per keypoint, with peaks at that keypoint of all persons.

    CenterNet's focal loss on maps of twice the resolution of the finest
    level. It shapes the features that poses are decoded from. Decoders with a
    ``sampling_radius`` also sample the maps.

    Args:
        embed_dims (int): Channels C.
        num_keypoints (int): K.
        loss_weight (float): Factor of the loss. Defaults to 1.
        sigma (float): Sigma of the target peaks, in cells of the map.
            Defaults to 1.
        finer_channels (int): Channels of a map of the backbone, finer than
            the encoded levels, that sharpens the heatmaps. Defaults to 0,
            without.
    """

    def __init__(
        self,
        embed_dims: int,
        num_keypoints: int,
        loss_weight: float = 1.0,
        sigma: float = 1.0,
        finer_channels: int = 0,
    ) -> None:
        super().__init__()
        self.sigma = sigma
        hidden = embed_dims // 2
        self.enlarge = nn.ConvTranspose2d(embed_dims, hidden, 4, 2, 1)
        self.lateral = self.mix = None
        if finer_channels:
            self.lateral = nn.Conv2d(finer_channels, hidden, 1)
            self.mix = nn.Sequential(
                nn.GroupNorm(_GROUPS, hidden),
                nn.ReLU(),
                nn.Conv2d(hidden, hidden, 3, padding=1),
            )
        self.maps = nn.Conv2d(hidden, num_keypoints, 1)
        nn.init.constant_(self.maps.bias, -math.log(99))
        self.criterion = GaussianFocalLoss(
            reduction='mean', loss_weight=loss_weight
        )

    def forward(self, level: Tensor, finer: Tensor | None = None) -> Tensor:
        """Logits (B, U, K, 2 H', 2 W') of the finest level (B, U, C, H', W').

        ``finer``: map (B, U, ``finer_channels``, H'', W'') of the backbone,
        required with ``finer_channels``.
        """
        maps = self.enlarge(level.flatten(0, 1))
        if self.lateral is not None:
            lateral = self.lateral(finer.flatten(0, 1))
            lateral = F.interpolate(lateral, size=maps.shape[-2:])
            maps = self.mix(maps + lateral)
        return self.maps(maps.relu()).unflatten(0, level.shape[:2])

    def loss(
        self,
        maps: Tensor,
        keypoints: Tensor,
        visible: Tensor,
        ignored: Tensor,
        valid_ratio: Tensor,
    ) -> Tensor:
        """Sum over the maps / number of visible keypoints of M frames.

        Args:
            maps (Tensor): Logits (M, K, H, W).
            keypoints (Tensor): Keypoints (M, N, K, 2), normalised.
            visible (Tensor): (M, N, K) bool.
            ignored (Tensor): (M, H', W') bool, cells of ignored areas; peaks
                there cost nothing.
            valid_ratio (Tensor): Size (M, 2) of the images / padded input.
        """
        # float32: the loss takes logarithms of probabilities near 0.
        found = maps.float().sigmoid()
        ratio = valid_ratio.float()
        target = self._peaks(
            keypoints * ratio[:, None, None], visible, found.shape[-2:]
        )
        count = reduce_mean(visible.sum().float()).clamp(min=1)
        cells = grid_points(*found.shape[-2:], found.device, found.dtype)
        ignored = in_cells(cells / ratio[:, None], ignored)
        ignored = ignored.view(len(found), 1, *found.shape[-2:])
        weight = ~ignored | (target > _PEAK)
        return self.criterion(
            found, target, weight=weight.float(), avg_factor=count
        )

    def _peaks(self, points: Tensor, visible: Tensor, shape) -> Tensor:
        """Target maps (M, K, H, W) of points (M, N, K, 2) in [0, 1]."""
        profiles = []
        for axis, cells in enumerate(reversed(shape)):
            centre = (points[..., axis] * cells).floor().clamp(0, cells - 1)
            grid = torch.arange(cells, device=points.device)
            offset = grid - centre[..., None]
            profiles.append((-(offset**2) / (2 * self.sigma**2)).exp())
        across, down = profiles
        maps = down[..., :, None] * across[..., None, :]
        maps = maps * visible[..., None, None]
        if not maps.shape[1]:
            return maps.new_zeros(len(maps), maps.shape[2], *shape)
        return maps.amax(dim=1)


class SampledMaps(NamedTuple):
    """Samples of the heatmaps around keypoints of P persons."""

    patches: Tensor  # logits (B, P, F, K, cells) around the keypoints
    certainty: Tensor  # highest probability (B, P, F, K, 1) of each patch
    # Offsets (B, P, F, K, 2) from the keypoints to their locations by the
    # maps, times the certainty, normalised.
    offsets: Tensor
    reach: Tensor  # largest possible offsets (B, 1, 1, 1, 2)


class MapSampling(nn.Module):
    """Sample a patch of each keypoint's heatmap around its present location.

    As RAFT samples correlations: a patch of (2 r + 1) x (2 r + 1) cells
    around the keypoint, in each frame of the window. The expectation over the
    patch (`integral regression <https://arxiv.org/abs/1711.08229>`_) locates
    the keypoint directly. It moves there with the certainty of the map: it
    stays where the map has no peak.

    How sharp the maps are taken, and how much less distant cells count
    (negative: how much more), is learned for each keypoint.

    Args:
        num_keypoints (int): K.
        radius (int): r, in cells of the maps.
    """

    def __init__(self, num_keypoints: int, radius: int) -> None:
        super().__init__()
        steps = torch.arange(-radius, radius + 1.0)
        patch = torch.stack(torch.meshgrid(steps, steps, indexing='xy'), -1)
        self.radius = radius
        self.register_buffer('patch', patch.flatten(0, 1), persistent=False)
        self.sharpness = nn.Parameter(torch.ones(num_keypoints))
        self.nearness = nn.Parameter(torch.zeros(num_keypoints))

    def forward(self, poses: Tensor, memory: ClipMemory) -> SampledMaps:
        """Sample the maps of a window around poses (B, P, F, K, 2)."""
        maps = memory.maps
        size = poses.new_tensor(maps.shape[:-3:-1])
        ratio = memory.valid_ratio[:, None, None, None].to(poses)
        points = (poses * ratio)[..., None, :] + self.patch / size
        # One image per clip, frame and keypoint: B, F, K, P, cells, 2
        grid = points.permute(0, 2, 3, 1, 4, 5).flatten(0, 2)
        patches = F.grid_sample(
            maps.flatten(0, 2)[:, None].to(grid.dtype),
            2 * grid - 1,
            padding_mode='border',
            align_corners=False,
        )
        patches = patches[:, 0].unflatten(0, maps.shape[:3])
        # B, F, K, P, cells -> B, P, F, K, cells
        patches = patches.permute(0, 3, 1, 2, 4)
        distance = self.patch.square().sum(dim=-1)
        share = (
            self.sharpness[:, None] * patches
            - self.nearness[:, None] * distance
        ).softmax(dim=-1)
        certainty = patches.amax(dim=-1, keepdim=True).sigmoid()
        cell = 1 / (size * ratio)
        return SampledMaps(
            patches=patches,
            certainty=certainty,
            offsets=certainty * (share @ self.patch) * cell,
            reach=self.radius * cell,
        )
