# Copyright (c) cape_mm contributors. All rights reserved.
"""Losses of keypoints that are masked instead of cut out."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cape_mm.models.layers import grid_points
from cape_mm.models.layers.cape import Proposal
from cape_mm.registry import MODELS

_KEYPOINT, _STOP = 0, 1


def masked_mean(values: Tensor, valid: Tensor) -> Tensor:
    """Mean over the valid entries of each row, then over the rows.

    Rows count alike, however many keypoints they have, and the number of
    rows is the same on every rank: averaging gradients over ranks then
    equals one process with the whole batch.

    Args:
        values (Tensor): Values (N, K), finite.
        valid (Tensor): Mask (N, K), bool; a row without a valid entry adds 0.

    Returns:
        Tensor: Scalar.
    """
    weights = valid.to(values.dtype)
    counts = weights.sum(dim=-1).clamp(min=1)
    return ((values * weights).sum(dim=-1) / counts).mean()


@MODELS.register_module()
class KeypointL1Loss(nn.Module):
    """L1 distance of keypoints, mean or sum of x and y.

    Args:
        loss_weight (float): Factor of the loss. Defaults to 5.0.
        reduction (str): ``'mean'`` or ``'sum'`` of x and y. CapeFormer and its
            relatives sum. Defaults to ``'mean'``.
    """

    needs_sigma = False

    def __init__(
        self, loss_weight: float = 5.0, reduction: str = 'mean'
    ) -> None:
        super().__init__()
        if reduction not in ('mean', 'sum'):
            raise ValueError(
                f"reduction must be 'mean' or 'sum', got {reduction!r}"
            )
        self.loss_weight = loss_weight
        self.reduction = reduction

    def forward(
        self,
        points: Tensor,
        target: Tensor,
        valid: Tensor,
        sigma: Tensor | None = None,
    ) -> Tensor:
        """Compare keypoints.

        Args:
            points (Tensor): Predicted keypoints (N, K, 2), normalised.
            target (Tensor): Annotated keypoints (N, K, 2), normalised.
            valid (Tensor): Mask (N, K), bool, of the keypoints that count.
            sigma (Tensor, optional): Unused.

        Returns:
            Tensor: Scalar, see :func:`masked_mean`.
        """
        distance = (points - target).abs()
        distance = (
            distance.sum(dim=-1)
            if self.reduction == 'sum'
            else distance.mean(dim=-1)
        )
        return self.loss_weight * masked_mean(distance, valid)


@MODELS.register_module()
class HeatmapKLLoss(nn.Module):
    r"""Kullback-Leibler divergence of a proposal map from a Gaussian.

    :math:`\sum_c t_c (\log t_c - \log p_c)` over the cells *c*, with *p* the
    softmax of the map and *t* a Gaussian around the keypoint that sums to 1.
    Unlike a squared error, it is not dominated by background cells, and
    unlike a cross-entropy its best value is 0.

    Args:
        sigma (float): Sigma of the Gaussian, in cells. Defaults to 1.0.
        loss_weight (float): Factor of the loss. Defaults to 1.0.
    """

    def __init__(self, sigma: float = 1.0, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.sigma = sigma
        self.loss_weight = loss_weight

    def forward(
        self, proposal: Proposal, target: Tensor, valid: Tensor
    ) -> Tensor:
        """Compare maps with keypoints.

        Args:
            proposal (Proposal): Maps of (N, K) keypoints.
            target (Tensor): Annotated keypoints (N, K, 2), normalised.
            valid (Tensor): Mask (N, K), bool, of the keypoints that count.

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


def token_type_loss(logits: Tensor, known: Tensor) -> Tensor:
    """Cross-entropy of token types: keypoints, and *stop* at the end.

    Args:
        logits (Tensor): Logits (N, K + 1, 2) of *keypoint* and *stop*.
        known (Tensor): Mask (N, K), bool, of the keypoints that count; *stop*
            always does.

    Returns:
        Tensor: Scalar, see :func:`masked_mean`.
    """
    types = torch.full_like(logits[..., 0], _KEYPOINT, dtype=torch.long)
    types[:, -1] = _STOP
    cross_entropy = F.cross_entropy(
        logits.transpose(1, 2), types, reduction='none'
    )
    stop = torch.ones_like(known[:, :1])
    return masked_mean(cross_entropy, torch.cat([known, stop], dim=1))
