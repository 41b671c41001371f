# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from torch import Tensor, nn

from cape_mm.models.layers import Proposal, grid_points
from cape_mm.registry import MODELS

from .masked_mean import masked_mean


@MODELS.register_module()
class HeatmapKLLoss(nn.Module):
    r"""Kullback-Leibler divergence of a proposal map from a Gaussian.

    :math:`\sum_c t_c (\log t_c - \log p_c)` over the cells *c*, with *p* the
    softmax of the map and *t* a Gaussian around the keypoint that sums to 1.
    Unlike a squared error, it does not drown in background cells, and unlike
    a cross-entropy its best value is 0.

    Args:
        sigma (float): Deviation of the Gaussian, in cells. Defaults to 1.0.
        loss_weight (float): Factor of the loss. Defaults to 1.0.
    """

    def __init__(self, sigma: float = 1.0, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.sigma = sigma
        self.loss_weight = loss_weight

    def forward(
        self, proposal: Proposal, target: Tensor, valid: Tensor
    ) -> Tensor:
        """Compare maps with points.

        Args:
            proposal (Proposal): Maps of (N, K) keypoints.
            target (Tensor): (N, K, 2), ``(x, y)`` in [0, 1] of the input.
            valid (Tensor): (N, K), bool; others do not enter the loss.

        Returns:
            Tensor: Scalar, see :func:`masked_mean`.
        """
        height, width = proposal.map_size
        cells = grid_points(height, width, target.device, target.dtype)
        x, y = (target.unsqueeze(2) - cells).unbind(dim=-1)
        square = (x * width / self.sigma) ** 2 + (y * height / self.sigma) ** 2
        log_target = (-0.5 * square).log_softmax(dim=-1)
        log_map = proposal.logits.float().log_softmax(dim=-1)
        divergence = (log_target.exp() * (log_target - log_map)).sum(dim=-1)
        return self.loss_weight * masked_mean(divergence, valid)
