# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class SupportViews(nn.Module):
    """Hypotheses of how a query is turned or mirrored against the support.

    The V views of a support are its rotations by multiples of 360 /
    ``num_rotations`` degrees, first plain, then mirrored left to right.
    A rotated view shows the border's pixels where the input ends.

    Args:
        num_rotations (int): Number of rotations. Defaults to 8.
        mirror (bool): Whether mirrored views are hypotheses, too. Defaults to
            True.
        rotation_cost (float): Logit that a rotated view loses against the
            upright one. Defaults to 0.4.
        mirror_cost (float): Logit that a mirrored view loses. Defaults to
            0.3.
    """

    def __init__(
        self,
        num_rotations: int = 8,
        mirror: bool = True,
        rotation_cost: float = 0.4,
        mirror_cost: float = 0.3,
    ) -> None:
        super().__init__()
        angles = torch.arange(num_rotations) * (2 * math.pi / num_rotations)
        cos, sin = angles.cos(), angles.sin()
        matrices = torch.stack([cos, -sin, sin, cos], -1).view(-1, 2, 2)
        costs = rotation_cost * (torch.arange(num_rotations) > 0)
        self.num_plain = num_rotations
        if mirror:
            flip = torch.tensor([[-1.0, 0.0], [0.0, 1.0]])
            matrices = torch.cat([matrices, flip @ matrices])
            costs = torch.cat([costs, costs + mirror_cost])
        # (V, 2, 2) from a view to the support, around the centre; (V,)
        self.register_buffer('matrices', matrices, persistent=False)
        self.register_buffer('costs', costs, persistent=False)

    def __len__(self) -> int:
        return len(self.costs)

    def forward(self, images: Tensor) -> Tensor:
        """Views (N, V, 3, H, W) of images (N, 3, H, W), H = W."""
        theta = F.pad(self.matrices, (0, 1)).repeat(len(images), 1, 1)
        theta = theta.to(images)
        repeated = images.repeat_interleave(len(self), dim=0)
        grid = F.affine_grid(theta, repeated.shape, align_corners=False)
        views = F.grid_sample(
            repeated, grid, padding_mode='border', align_corners=False
        )
        return views.unflatten(0, (-1, len(self)))

    def transform_labels(
        self, points: Tensor, valid: Tensor, partners: Tensor
    ) -> Tensor:
        """Labels of the views of supports.

        In a mirrored view the left partner is where the right one was, if
        both are labelled. Every view has the labels of its support.

        Args:
            points (Tensor): Keypoints (B, S, K, 2), normalised.
            valid (Tensor): Mask (B, S, K), bool.
            partners (Tensor): Index (B, K), int64, of each keypoint's left or
                right partner, of itself without one.

        Returns:
            Tensor: Keypoints (B, S, V, K, 2), normalised in their view.
        """
        index = partners[:, None, :].expand_as(valid)
        both = (valid & valid.gather(2, index)).unsqueeze(-1)
        swapped = points.take_along_dim(index.unsqueeze(-1), dim=2)
        swapped = torch.where(both, swapped, points)
        sources = torch.stack([points, swapped], dim=2)  # (B, S, 2, K, 2)
        views = torch.arange(len(self), device=points.device)
        is_mirrored = (views >= self.num_plain).long()
        # the inverse of an orthogonal matrix is its transpose
        turned = torch.einsum(
            'vji,bsvkj->bsvki',
            self.matrices.to(points),
            sources[:, :, is_mirrored] - 0.5,
        )
        return turned + 0.5
