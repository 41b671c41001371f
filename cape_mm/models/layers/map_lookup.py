# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .clip_memory import ClipMemory


class SeenMaps(NamedTuple):
    """What joints see of their own maps.

    Attributes:
        patches (Tensor): (B, P, F, K, cells), logits around the joints.
        certainty (Tensor): (B, P, F, K, 1), the highest probability around.
        offsets (Tensor): (B, P, F, K, 2), from the joints to where their maps
            say they are, as far as that is certain; in [0, 1] of the un-padded
            input.
        reach (Tensor): (B, 1, 1, 1, 2), the longest offsets there can be.
    """

    patches: Tensor
    certainty: Tensor
    offsets: Tensor
    reach: Tensor


class MapLookup(nn.Module):
    """Show each joint a piece of its own map around its present place.

    As RAFT looks up correlations: a patch of (2 r + 1) x (2 r + 1) cells
    around the joint, in each frame of the window. The expectation over the
    patch (`integral regression <https://arxiv.org/abs/1711.08229>`_) tells
    directly where the joint is. The joint goes there with the certainty of
    the map: it stays where nothing is found.

    How sharp the maps are taken, and how much less distant cells count
    (negative: how much more), is learned for each kind of joint.

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

    def forward(self, poses: Tensor, memory: ClipMemory) -> SeenMaps:
        """Look up joints.

        Args:
            poses (Tensor): (B, P, F, K, 2), ``(x, y)`` in [0, 1].
            memory (ClipMemory): With ``maps`` (B, F, K, H, W).

        Returns:
            SeenMaps: Of the joints.
        """
        maps = memory.maps
        size = poses.new_tensor(maps.shape[:-3:-1])
        ratio = memory.valid_ratio[:, None, None, None].to(poses)
        places = (poses * ratio)[..., None, :] + self.patch / size
        # One image per clip, frame and joint: B, F, K, P, cells, 2
        grid = places.permute(0, 2, 3, 1, 4, 5).flatten(0, 2)
        seen = F.grid_sample(
            maps.flatten(0, 2)[:, None].to(grid.dtype),
            2 * grid - 1,
            padding_mode='border',
            align_corners=False,
        )
        seen = seen[:, 0].unflatten(0, maps.shape[:3])
        # B, F, K, P, cells -> B, P, F, K, cells
        seen = seen.permute(0, 3, 1, 2, 4)
        distance = self.patch.square().sum(dim=-1)
        share = (
            self.sharpness[:, None] * seen - self.nearness[:, None] * distance
        ).softmax(dim=-1)
        certainty = seen.amax(dim=-1, keepdim=True).sigmoid()
        cell = 1 / (size * ratio)
        return SeenMaps(
            patches=seen,
            certainty=certainty,
            offsets=certainty * (share @ self.patch) * cell,
            reach=self.radius * cell,
        )
