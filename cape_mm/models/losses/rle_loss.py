# Copyright (c) cape_mm contributors. All rights reserved.
"""Residual log-likelihood losses (`RLE <https://arxiv.org/abs/2107.11291>`_).

With the prediction p, the target g, the sigma s and e = (p - g) / s, a
coordinate c of a keypoint costs

    log s_c - log phi(e) + q(e_c, s_c)

where phi is a RealNVP flow on the plane, with the prior N(0, 1), and q is the
negative logarithm of a density that the flow only has to correct:

- ``'laplace'``: log(2 s) + abs(e),
- ``'gaussian'``: log(s sqrt(2 pi)) + e^2 / 2,
- ``'hybrid'``: log(s sqrt(2 pi)) + abs(e) / sqrt(2), as in RLE's code and
  PAVE-Net; not a density, its integral is 1.128,
- None: 0, so that the flow alone is the density.

The value may be negative: it falls with the logarithm of the error.
"""

from __future__ import annotations

import math
from typing import Sequence

import torch
from mmpose.models.utils.realnvp import RealNVP
from torch import Tensor, nn

from cape_mm.registry import MODELS

from ..layers.points import at_least_float32

_ROOT_2_PI = math.sqrt(2 * math.pi)
#: q by its name, of the error and the sigma.
_DISTRIBUTIONS = dict(
    laplace=lambda e, s: (2 * s).log() + e.abs(),
    gaussian=lambda e, s: (s * _ROOT_2_PI).log() + e.square() / 2,
    hybrid=lambda e, s: (s * _ROOT_2_PI).log() + e.abs() / math.sqrt(2),
)


class _RLELoss(nn.Module):
    """What both losses share."""

    allowed = (None, *_DISTRIBUTIONS)

    def __init__(self, loss_weight: float, q_distribution: str | None) -> None:
        super().__init__()
        if q_distribution not in self.allowed:
            raise ValueError(
                f'q_distribution is one of {self.allowed}, not '
                f'{q_distribution!r}'
            )
        self.loss_weight = loss_weight
        self.q_distribution = q_distribution

    def _cost(self, flow: RealNVP, error: Tensor, sigma: Tensor) -> Tensor:
        """Costs (N, K, 2) of errors and sigmas, see above; N may be 0."""
        # RealNVP.log_prob, whose distribution object refuses empty batches
        # and factorises the unit covariance in each call.
        latent, log_det = flow.backward_p(error.flatten(0, 1))
        squares = latent.square().sum(dim=-1)
        log_phi = log_det - squares / 2 - math.log(2 * math.pi)
        cost = sigma.log() - log_phi.view(*error.shape[:2], 1)
        if self.q_distribution is None:
            return cost
        return cost + _DISTRIBUTIONS[self.q_distribution](error, sigma)


@MODELS.register_module()
class FlowRLELoss(_RLELoss):
    """Residual log-likelihood of the visible keypoints of matched persons.

    The sum over coordinates is divided by their number. Everything is
    computed in float32.

    Args:
        loss_weight (float): Factor of the loss. Defaults to 1.
        q_distribution (str, optional): ``'laplace'``, ``'gaussian'``,
            ``'hybrid'`` or None, see above. Defaults to ``'laplace'``.
        sigma_min (float): Floor of the sigmas, normalised. Without one the
            loss has no lower bound. Defaults to 1e-3.
        keypoint_weights (Sequence[float], optional): Weight of each keypoint.
            Defaults to 1 for all.

    Raises:
        ValueError: If the distribution is unknown or the floor not positive.
    """

    def __init__(
        self,
        loss_weight: float = 1.0,
        q_distribution: str | None = 'laplace',
        sigma_min: float = 1e-3,
        keypoint_weights: Sequence[float] | None = None,
    ) -> None:
        super().__init__(loss_weight, q_distribution)
        if sigma_min <= 0:
            raise ValueError(f'sigma_min {sigma_min} must be positive')
        self.sigma_min = sigma_min
        weights = (
            None
            if keypoint_weights is None
            else torch.tensor(keypoint_weights, dtype=torch.float32)
        )
        self.register_buffer('keypoint_weights', weights, persistent=False)
        self.flow = RealNVP()

    def bounded_sigma(self, sigma: Tensor) -> Tensor:
        """Turn the output of a branch into sigmas.

        Args:
            sigma (Tensor): Output (...), before the sigmoid.

        Returns:
            Tensor: Sigmas (...) in (``sigma_min``, 1), float32.
        """
        return (
            self.sigma_min
            + (1 - self.sigma_min) * at_least_float32(sigma).sigmoid()
        )

    def forward(
        self,
        points: Tensor,
        sigma: Tensor,
        target: Tensor,
        visible: Tensor,
        avg_factor: float | Tensor | None = None,
    ) -> Tensor:
        """Score poses.

        Args:
            points (Tensor): Predictions (N, K, 2), normalised.
            sigma (Tensor): Sigmas (N, K, 2), before the sigmoid.
            target (Tensor): Labels (N, K, 2), normalised.
            visible (Tensor): (N, K) bool; others do not enter the loss.
            avg_factor (float | Tensor, optional): Divisor. Defaults to the
                number of visible coordinates, at least 1.

        Returns:
            Tensor: Scalar float32; without a visible keypoint it is 0, with a
            gradient of 0.
        """
        with torch.autocast(points.device.type, enabled=False):
            sigma = self.bounded_sigma(sigma)
            # Coordinates of an invisible keypoint need not even be finite.
            difference = (at_least_float32(points) - target).masked_fill(
                ~visible[..., None], 0.0
            )
            cost = self._cost(self.flow, difference / sigma, sigma)
            weights = visible.to(cost.dtype)
            if self.keypoint_weights is not None:
                weights = weights * self.keypoint_weights
            total = (cost * weights[..., None]).sum()
            if avg_factor is None:
                avg_factor = 2 * visible.sum()
            divisor = torch.as_tensor(avg_factor, device=total.device)
            return self.loss_weight * total / divisor.clamp(min=1)


@MODELS.register_module()
class KeypointRLELoss(_RLELoss):
    """Residual log-likelihood of the valid keypoints of episodes.

    The sigmas have no floor, as in MMPose's ``RLELoss``.

    Args:
        loss_weight (float): Factor of the loss. Defaults to 1.0.
        residual (bool): Whether the flow learns the residual of
            ``q_distribution`` only. Defaults to True.
        q_distribution (str): ``'laplace'`` or ``'gaussian'``. Defaults to
            ``'laplace'``.

    Raises:
        ValueError: If the distribution is unknown.
    """

    needs_sigma = True
    allowed = ('laplace', 'gaussian')

    def __init__(
        self,
        loss_weight: float = 1.0,
        residual: bool = True,
        q_distribution: str = 'laplace',
    ) -> None:
        super().__init__(loss_weight, q_distribution)
        if not residual:
            self.q_distribution = None
        self.flow_model = RealNVP()

    def forward(
        self, points: Tensor, target: Tensor, valid: Tensor, sigma: Tensor
    ) -> Tensor:
        """Score points.

        Args:
            points (Tensor): Predictions (N, K, 2), normalised.
            target (Tensor): Labels (N, K, 2), normalised.
            valid (Tensor): (N, K) bool; others do not enter the loss.
            sigma (Tensor): Sigmas (N, K, 2), before the sigmoid.

        Returns:
            Tensor: Scalar, sum over x and y, weighted as
            :func:`masked_mean` does.
        """
        weights = valid.float()
        counts = weights.sum(dim=-1, keepdim=True).clamp(min=1)
        weights = (weights / counts / len(points)).unsqueeze(-1)
        # The flow is evaluated in float32: its log-determinants overflow
        # in half precision, to which autocast would bring its layers.
        with torch.autocast(points.device.type, enabled=False):
            sigma = sigma.float().sigmoid()
            error = (points.float() - target.float()) / (sigma + 1e-9)
            cost = self._cost(self.flow_model, error, sigma)
            return self.loss_weight * (cost * weights).sum()
