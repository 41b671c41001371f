# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import math
from typing import Sequence

import torch
from mmpose.models.utils.realnvp import RealNVP
from torch import Tensor, nn

from cape_mm.registry import MODELS

from ..layers.precision import at_least_float32

_DISTRIBUTIONS = ('laplace', 'gaussian', 'hybrid')


@MODELS.register_module()
class FlowRLELoss(nn.Module):
    """Residual log-likelihood of joints under a normalising flow.

    With the prediction p, the target g, the deviation s and e = (p - g) / s,
    a visible coordinate c of a joint costs

        log s_c - log phi(e) + q(e_c, s_c)

    where phi is a RealNVP flow on the plane, with the prior N(0, 1), and q is
    the negative logarithm of a density that the flow only has to correct
    (`RLE <https://arxiv.org/abs/2107.11291>`_):

    - ``'laplace'``: log(2 s) + abs(e),
    - ``'gaussian'``: log(s sqrt(2 pi)) + e^2 / 2,
    - ``'hybrid'``: log(s sqrt(2 pi)) + abs(e) / sqrt(2), as in RLE's code and
      PAVE-Net; not a density, its integral is 1.128.

    The sum is divided by the number of visible coordinates. The value may be
    negative: it falls with the logarithm of the error. Everything is computed
    in float32.

    Args:
        loss_weight (float): Factor of the loss. Defaults to 1.
        q_distribution (str, optional): See above; None leaves q out, so that
            the flow alone is the density. Defaults to ``'laplace'``.
        sigma_min (float): Floor of s, in [0, 1] of the input. Without one the
            loss has no lower bound. Defaults to 1e-3.
        joint_weights (Sequence[float], optional): Weight of each joint.
            Defaults to 1 for all.

    Raises:
        ValueError: If the distribution is unknown or the floor not positive.
    """

    def __init__(
        self,
        loss_weight: float = 1.0,
        q_distribution: str | None = 'laplace',
        sigma_min: float = 1e-3,
        joint_weights: Sequence[float] | None = None,
    ) -> None:
        super().__init__()
        if q_distribution not in (None, *_DISTRIBUTIONS):
            raise ValueError(
                f'q_distribution is one of {_DISTRIBUTIONS} or None, not '
                f'{q_distribution!r}'
            )
        if sigma_min <= 0:
            raise ValueError(f'sigma_min {sigma_min} must be positive')
        self.loss_weight = loss_weight
        self.q_distribution = q_distribution
        self.sigma_min = sigma_min
        weights = (
            None
            if joint_weights is None
            else torch.tensor(joint_weights, dtype=torch.float32)
        )
        self.register_buffer('joint_weights', weights, persistent=False)
        self.flow = RealNVP()

    def deviation(self, sigma: Tensor) -> Tensor:
        """Turn the output of a branch into a deviation.

        Args:
            sigma (Tensor): Before the sigmoid.

        Returns:
            Tensor: Of the same shape, in (``sigma_min``, 1), float32.
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
            points (Tensor): (N, K, 2), in [0, 1] of the input.
            sigma (Tensor): (N, K, 2), before the sigmoid.
            target (Tensor): (N, K, 2), in [0, 1] of the input.
            visible (Tensor): (N, K) bool; others do not enter the loss.
            avg_factor (float | Tensor, optional): Divisor. Defaults to the
                number of visible coordinates, at least 1.

        Returns:
            Tensor: Scalar float32; without a visible joint it is 0, with a
            gradient of 0.
        """
        with torch.autocast(points.device.type, enabled=False):
            deviation = self.deviation(sigma)
            # What stands at an invisible joint must not even be finite.
            difference = (at_least_float32(points) - target).masked_fill(
                ~visible[..., None], 0.0
            )
            error = difference / deviation
            log_phi = self._log_phi(error.flatten(0, 1)).view_as(visible)
            cost = deviation.log() - log_phi[..., None]
            cost = cost + self._expected(error, deviation)
            weights = visible.to(cost.dtype)
            if self.joint_weights is not None:
                weights = weights * self.joint_weights
            total = (cost * weights[..., None]).sum()
            if avg_factor is None:
                avg_factor = 2 * visible.sum()
            divisor = torch.as_tensor(avg_factor, device=total.device)
            return self.loss_weight * total / divisor.clamp(min=1)

    def _log_phi(self, errors: Tensor) -> Tensor:
        """Log-density (M,) of errors (M, 2); M may be 0.

        That is ``RealNVP.log_prob``, whose distribution object refuses empty
        batches and factorises the unit covariance in each call.
        """
        latent, log_det = self.flow.backward_p(errors)
        squares = latent.square().sum(dim=-1)
        return log_det - squares / 2 - math.log(2 * math.pi)

    def _expected(self, error: Tensor, deviation: Tensor) -> Tensor | float:
        """Negative logarithm of the density that the flow corrects."""
        if self.q_distribution is None:
            return 0.0
        if self.q_distribution == 'laplace':
            return (2 * deviation).log() + error.abs()
        tail = (
            error.square() / 2
            if self.q_distribution == 'gaussian'
            else error.abs() / math.sqrt(2)
        )
        return (deviation * math.sqrt(2 * math.pi)).log() + tail
