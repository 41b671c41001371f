# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import torch
from torch import Tensor, nn

from ..points import grid_points


class AffinePrior(nn.Module):
    """Expectation of points under maps of logits and one affine map of all.

    Alternates two steps. The mean and variance of every keypoint are those of
    the softmax of its logits minus ``|x - c|^2 / (2 sigma^2)``, a Gaussian
    prior around its expected place c. An affine map of the keypoints' first
    places onto these means, weighted by the inverse variances, robust to
    outliers and drawn towards a mere shift, gives new places c.

    Args:
        first_sigma (float): Sigma of the prior around the first places,
            normalised. Defaults to 0.2.
        sigma (float): Sigma around mapped places. Defaults to 0.06.
        num_iterations (int): Number of alternations. Defaults to 4.
        ridge (float): Weight of the identity against the spread of the
            keypoints, normalised squared. Defaults to 0.02.
        outlier_distance (float): Distance at which a keypoint counts half in
            the fit, normalised. Defaults to 0.08.
    """

    min_sigma = 0.02  # of a mean: no peak is more certain, normalised
    num_reweightings = 3

    def __init__(
        self,
        first_sigma: float = 0.2,
        sigma: float = 0.06,
        num_iterations: int = 4,
        ridge: float = 0.02,
        outlier_distance: float = 0.08,
    ) -> None:
        super().__init__()
        self.first_sigma = first_sigma
        self.sigma = sigma
        self.num_iterations = num_iterations
        self.ridge = ridge
        self.outlier_distance = outlier_distance

    def forward(
        self, logits: Tensor, places: Tensor, valid: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Fit the keypoints of N hypotheses.

        Args:
            logits (Tensor): Maps (N, K, H, W).
            places (Tensor): First places (N, K, 2), normalised.
            valid (Tensor): Mask (N, K), bool, of the keypoints to fit.

        Returns:
            tuple[Tensor, Tensor, Tensor]: Mapped places (N, K, 2),
            normalised; the linear part (N, 2, 2) of the map, rows times
            matrix; score (N,) of a hypothesis, the mean over its keypoints
            of the largest logit left by the prior.
        """
        height, width = logits.shape[-2:]
        cells = grid_points(height, width, logits.device, logits.dtype)
        x, y = cells[:width, 0], cells[::width, 1]
        weights = valid.to(logits)
        centres, sigma = places, self.first_sigma
        for _ in range(self.num_iterations):
            posterior = add_prior(logits, centres, sigma)
            mass = posterior.flatten(2).softmax(-1).view_as(posterior)
            columns, rows = mass.sum(-2), mass.sum(-1)  # (N, K, W), (N, K, H)
            means = torch.stack([columns @ x, rows @ y], dim=-1)
            squares = columns @ x.square() + rows @ y.square()
            variance = (squares - means.square().sum(-1)).clamp_min(0)
            certainty = weights / (variance + self.min_sigma**2)
            centres, linear = self._fit(places, means, certainty, valid)
            sigma = self.sigma
        peaks = add_prior(logits, centres, sigma).flatten(2).amax(-1)
        count = weights.sum(-1).clamp_min(1)
        return centres, linear, (peaks * weights).sum(-1) / count

    def _fit(
        self, places: Tensor, means: Tensor, certainty: Tensor, valid: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Affine map of places (N, K, 2) onto means, its linear part."""
        identity = torch.eye(2).to(places).expand(len(places), 2, 2)
        # two points do not determine more than a shift
        rigid = (valid.sum(-1) > 2)[:, None, None]
        robust = torch.ones_like(certainty)
        for _ in range(1 + self.num_reweightings):
            weight = certainty * robust
            weight = weight / weight.sum(-1, keepdim=True).clamp_min(1e-9)
            weight = weight.unsqueeze(-1)
            centre = (weight * places).sum(1, keepdim=True)
            target = (weight * means).sum(1, keepdim=True)
            spread = (weight * (places - centre)).transpose(1, 2)
            gram = spread @ (places - centre) + self.ridge * identity
            cross = spread @ (means - target) + self.ridge * identity
            linear = torch.where(
                rigid, torch.linalg.solve(gram, cross), identity
            )
            mapped = (places - centre) @ linear + target
            distance = (mapped - means).square().sum(-1)
            robust = 1 / (1 + distance / self.outlier_distance**2)
        return mapped, linear


def add_prior(logits: Tensor, centres: Tensor, sigma: float) -> Tensor:
    """Maps (..., K, H, W) minus the prior around centres (..., K, 2)."""
    height, width = logits.shape[-2:]
    cells = grid_points(height, width, logits.device, logits.dtype)
    scaled = (0.5**0.5 / sigma) * (centres[..., None, :])
    cells = (0.5**0.5 / sigma) * cells
    columns = (scaled[..., 0] - cells[:width, 0]).square()  # (..., K, W)
    rows = (scaled[..., 1] - cells[::width, 1]).square()  # (..., K, H)
    return logits - columns.unsqueeze(-2) - rows.unsqueeze(-1)
