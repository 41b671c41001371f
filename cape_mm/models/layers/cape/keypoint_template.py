# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import torch
from torch import Tensor, nn


class KeypointTemplate(nn.Module):
    """Mean shape of a category, onto which instances are aligned.

    An instance is turned, scaled, shifted and, where that fits better,
    mirrored onto the template (least squares), so that a network behind it
    never meets the object in another orientation. Under a mirror, left and
    right partners are exchanged.

    The template's frame is normalised: its longer side takes 1 / ``padding``
    of [0, 1].

    Args:
        num_keypoints (int): K.
        padding (float): Side of the frame by the longer side of the shape.
            Defaults to 1.5.
        mirror_gain (float): Largest residual of a mirrored fit, as a share of
            that of the plain one, with which it is preferred: symmetric
            objects are not mirrored for nothing. Defaults to 0.7.
    """

    num_iterations = 3

    def __init__(
        self,
        num_keypoints: int,
        padding: float = 1.5,
        mirror_gain: float = 0.7,
    ) -> None:
        super().__init__()
        self.padding = padding
        self.mirror_gain = mirror_gain
        self.register_buffer('points', torch.full((num_keypoints, 2), 0.5))
        self.register_buffer('valid', torch.zeros(num_keypoints).bool())
        self.register_buffer('partners', torch.arange(num_keypoints))

    def fit(self, points: Tensor, valid: Tensor, partners: Tensor) -> None:
        """Set the template to the mean of aligned instances.

        Args:
            points (Tensor): Keypoints (N, K, 2), normalised.
            valid (Tensor): Mask (N, K), bool.
            partners (Tensor): Index (K,), int64, of each keypoint's left or
                right partner, of itself without one.
        """
        self.partners.copy_(partners)
        first = int(valid.sum(1).argmax())
        self._set(points[first], valid[first])
        for _ in range(self.num_iterations):
            matrices, mirrored = self(points, valid.to(points))
            aligned = self.to_template(points, matrices, mirrored)
            weights = self.exchange(valid, mirrored).to(points).unsqueeze(-1)
            mean = (aligned * weights).sum(0) / weights.sum(0).clamp_min(1)
            self._set(mean, valid.any(0) | valid[:, partners].any(0))

    def forward(
        self, points: Tensor, weights: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Align instances with the template.

        Args:
            points (Tensor): Keypoints (N, K, 2), normalised.
            weights (Tensor): Their weights (N, K), 0 where not valid.

        Returns:
            tuple[Tensor, Tensor]: Matrices (N, 2, 3) from the normalised
            frame to the template's; mask (N,), bool, of mirrored ones, whose
            partners are exchanged besides.
        """
        flip = points.new_tensor([-1.0, 1.0])
        weights = weights * self.valid
        plain, residual = self._similarity(points, weights)
        swapped = weights[:, self.partners] * self.valid
        turned, mirrored_residual = self._similarity(
            points[:, self.partners] * flip, swapped
        )
        # the linear part of a mirrored fit begins with the mirror
        turned = torch.cat([turned[..., :2] * flip, turned[..., 2:]], -1)
        # two keypoints are no evidence of a mirror
        mirrored = mirrored_residual < self.mirror_gain**2 * residual
        mirrored &= (weights > 0).sum(1) > 2
        matrices = torch.where(mirrored[:, None, None], turned, plain)
        return matrices, mirrored

    def exchange(self, values: Tensor, mirrored: Tensor) -> Tensor:
        """Values (N, K, ...) with partners exchanged where mirrored (N,)."""
        mask = mirrored.view(-1, *[1] * (values.dim() - 1))
        return torch.where(mask, values[:, self.partners], values)

    def to_template(
        self, points: Tensor, matrices: Tensor, mirrored: Tensor
    ) -> Tensor:
        """Keypoints (N, K, 2) in the template's frame."""
        linear, shift = matrices[..., :2], matrices[..., 2]
        moved = points @ linear.transpose(1, 2) + shift.unsqueeze(1)
        return self.exchange(moved, mirrored)

    def from_template(
        self, points: Tensor, matrices: Tensor, mirrored: Tensor
    ) -> Tensor:
        """Keypoints (N, K, 2) of the template's frame, moved back."""
        linear, shift = matrices[..., :2], matrices[..., 2]
        moved = self.exchange(points, mirrored) - shift.unsqueeze(1)
        return moved @ torch.linalg.inv(linear).transpose(1, 2)

    def _set(self, points: Tensor, valid: Tensor) -> None:
        """Store a shape, in the middle of the frame and of its size."""
        known = points[valid]
        low, high = known.amin(0), known.amax(0)
        side = (high - low).max()
        # a single keypoint has no size
        scale = 1 / (self.padding * side) if side > 0 else 1.0
        centred = (points - (low + high) / 2) * scale + 0.5
        self.points.copy_(torch.where(valid[:, None], centred, 0.5))
        self.valid.copy_(valid)

    def _similarity(
        self, points: Tensor, weights: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Matrices (N, 2, 3) onto the template, mean squared residuals."""
        share = weights / weights.sum(1, keepdim=True).clamp_min(1e-9)
        share = share.unsqueeze(-1)
        centre = (share * points).sum(1, keepdim=True)
        target = (share * self.points).sum(1, keepdim=True)
        here, there = points - centre, self.points - target
        power = (share * here.square()).sum((1, 2))
        # the complex number cos + i sin that turns and scales
        real = (share * here * there).sum((1, 2))
        cross = here[..., 0] * there[..., 1] - here[..., 1] * there[..., 0]
        imaginary = (share[..., 0] * cross).sum(1)
        known = power > 1e-12
        real = torch.where(known, real / power.clamp_min(1e-12), 1.0)
        imaginary = torch.where(known, imaginary / power.clamp_min(1e-12), 0.0)
        linear = torch.stack([real, -imaginary, imaginary, real], -1)
        linear = linear.view(-1, 2, 2)
        moved = here @ linear.transpose(1, 2)
        residual = (share * (moved - there).square()).sum((1, 2))
        shift = target - centre @ linear.transpose(1, 2)
        return torch.cat([linear, shift.transpose(1, 2)], -1), residual
