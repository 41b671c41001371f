# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import torch
from mmpose.models.losses import RLELoss
from torch import Tensor, nn

from cape_mm.registry import MODELS

from .masked_mean import masked_mean


@MODELS.register_module()
class KeypointL1Loss(nn.Module):
    """L1 distance of keypoints, mean over x and y.

    Args:
        loss_weight (float): Factor of the loss. Defaults to 5.0.
    """

    needs_sigma = False

    def __init__(self, loss_weight: float = 5.0) -> None:
        super().__init__()
        self.loss_weight = loss_weight

    def forward(
        self,
        points: Tensor,
        target: Tensor,
        valid: Tensor,
        sigma: Tensor | None = None,
    ) -> Tensor:
        """Compare points.

        Args:
            points (Tensor): (N, K, 2), in [0, 1] of the input.
            target (Tensor): (N, K, 2), in [0, 1] of the input.
            valid (Tensor): (N, K), bool; others do not enter the loss.
            sigma (Tensor, optional): Not used.

        Returns:
            Tensor: Scalar, see :func:`masked_mean`.
        """
        distance = (points - target).abs().mean(dim=-1)
        return self.loss_weight * masked_mean(distance, valid)


@MODELS.register_module()
class KeypointRLELoss(RLELoss):
    """Residual log-likelihood of keypoints with a RealNVP flow.

    Wraps MMPose's :class:`RLELoss` (`arXiv 2107.11291
    <https://arxiv.org/abs/2107.11291>`_) with a validity mask. It is a
    negative log-likelihood: its best value is not 0 and may be negative.

    Args:
        loss_weight (float): Factor of the loss. Defaults to 1.0.
        residual (bool): Let the flow learn the residual of
            ``q_distribution`` only. Defaults to True.
        q_distribution (str): ``'laplace'`` or ``'gaussian'``.
    """

    needs_sigma = True

    def __init__(
        self,
        loss_weight: float = 1.0,
        residual: bool = True,
        q_distribution: str = 'laplace',
    ) -> None:
        super().__init__(
            use_target_weight=True,
            size_average=False,
            residual=residual,
            q_distribution=q_distribution,
        )
        self.loss_weight = loss_weight

    def forward(
        self, points: Tensor, target: Tensor, valid: Tensor, sigma: Tensor
    ) -> Tensor:
        """Score points.

        Args:
            points (Tensor): (N, K, 2), in [0, 1] of the input.
            target (Tensor): (N, K, 2), in [0, 1] of the input.
            valid (Tensor): (N, K), bool; others do not enter the loss.
            sigma (Tensor): (N, K, 2), before the sigmoid.

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
            loss = super().forward(
                points.float(),
                sigma.float(),
                target.float(),
                weights.expand_as(points),
            )
        return self.loss_weight * loss
