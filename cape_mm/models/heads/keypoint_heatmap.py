# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from mmdet.models.losses import GaussianFocalLoss
from mmdet.utils import reduce_mean
from torch import Tensor, nn

from ..layers.sampling import grid_points
from .ignored_areas import in_cells
from .pave_targets import ClipTargets

_GROUPS = 8
# What is part of a peak, also where persons are not labelled.
_PEAK = 0.1


class KeypointHeatmap(nn.Module):
    """Where is any joint of each class? Maps, and what they cost.

    CenterNet's focal loss on maps of twice the resolution of the finest
    level. It shapes the features that poses are read from. Decoders with a
    ``lookup_radius`` also look at the maps.

    Args:
        embed_dims (int): Channels C.
        num_keypoints (int): K.
        loss_weight (float): Factor of the loss. Defaults to 1.
        sigma (float): Of the wanted peaks, in cells of the map. Defaults to 1.
        finer_channels (int): Channels of a map of the backbone, finer than
            those that are encoded, that the maps are sharpened with. Defaults
            to 0, without.
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
        """Find joints.

        Args:
            level (Tensor): (B, U, C, H', W'), the finest level.
            finer (Tensor, optional): (B, U, ``finer_channels``, H'', W''), of
                the backbone; needed if there are such channels.

        Returns:
            Tensor: (B, U, K, 2 H', 2 W'), logits.
        """
        maps = self.enlarge(level.flatten(0, 1))
        if self.lateral is not None:
            lateral = self.lateral(finer.flatten(0, 1))
            lateral = F.interpolate(lateral, size=maps.shape[-2:])
            maps = self.mix(maps + lateral)
        return self.maps(maps.relu()).unflatten(0, level.shape[:2])

    def loss(
        self, maps: Tensor, targets: ClipTargets, valid_ratio: Tensor
    ) -> Tensor:
        """Compare the maps of all labelled frames with the labels.

        Args:
            maps (Tensor): (B, U, K, H, W), logits.
            targets (ClipTargets): Labels of the B x U frames.
            valid_ratio (Tensor): (B, 2), see :class:`ClipMemory`.

        Returns:
            Tensor: Scalar, sum over the maps / number of visible joints. What
            is found where persons are not labelled costs nothing.
        """
        rows, frames = targets.labelled.nonzero(as_tuple=True)
        # float32: the loss takes logarithms of probabilities near 0.
        found = maps[rows, frames].float().sigmoid()
        visible = targets.visible[rows, frames]
        share = valid_ratio[rows][:, None, None].float()
        points = targets.keypoints[rows, frames] * share
        wanted = self._peaks(points, visible, found.shape[-2:])
        count = reduce_mean(visible.sum().float()).clamp(min=1)
        cells = grid_points(*found.shape[-2:], found.device, found.dtype)
        ignored = in_cells(
            cells / valid_ratio[rows][:, None].float(),
            targets.ignored[rows, frames],
        ).view(len(rows), 1, *found.shape[-2:])
        counts = ~ignored | (wanted > _PEAK)
        return self.criterion(
            found, wanted, weight=counts.float(), avg_factor=count
        )

    def _peaks(self, points: Tensor, visible: Tensor, shape) -> Tensor:
        """Wanted maps (M, K, H, W) of points (M, N, K, 2) in [0, 1]."""
        profiles = []
        for axis, cells in enumerate(reversed(shape)):
            place = (points[..., axis] * cells).floor().clamp(0, cells - 1)
            grid = torch.arange(cells, device=points.device)
            offset = grid - place[..., None]
            profiles.append((-(offset**2) / (2 * self.sigma**2)).exp())
        across, down = profiles
        maps = down[..., :, None] * across[..., None, :]
        maps = maps * visible[..., None, None]
        if not maps.shape[1]:
            return maps.new_zeros(len(maps), maps.shape[2], *shape)
        return maps.amax(dim=1)
