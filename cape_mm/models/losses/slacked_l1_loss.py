# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from torch import Tensor, nn

from cape_mm.models.layers.cape import layer_slack
from cape_mm.registry import MODELS

from .keypoint_losses import masked_mean


@MODELS.register_module()
class SlackedL1Loss(nn.Module):
    r"""L1 distance beyond a slack that shrinks from layer to layer.

    :math:`\max(0, |p_l - y|_1 - d_l)`, with the sum over x and y and
    :math:`d_l` of :func:`layer_slack`: early layers of an iterative decoder
    need to come near, only the last one has to arrive (MetaPoint, CVPR 2024).

    Args:
        loss_weight (float): Factor of the loss. Defaults to 1.0.
        step (float): Difference of the slack of two layers, normalised.
            Defaults to 0.1.
        per_keypoint (bool): Whether every keypoint has the slack, or their
            mean. Defaults to True.
    """

    def __init__(
        self,
        loss_weight: float = 1.0,
        step: float = 0.1,
        per_keypoint: bool = True,
    ) -> None:
        super().__init__()
        self.loss_weight = loss_weight
        self.step = step
        self.per_keypoint = per_keypoint

    def forward(
        self, points: Tensor, target: Tensor, valid: Tensor
    ) -> list[Tensor]:
        """Compare the keypoints of every layer.

        Args:
            points (Tensor): Predicted keypoints (L, N, K, 2), normalised.
            target (Tensor): Annotated keypoints (N, K, 2), normalised.
            valid (Tensor): Mask (N, K), bool, of the keypoints that count.

        Returns:
            list[Tensor]: L scalars. With slacks of keypoints see
            :func:`masked_mean`; with those of means, rows without a valid
            keypoint do not count.
        """
        distance = (points - target).abs().sum(dim=-1)
        slack = layer_slack(len(points), points.device, self.step)
        if self.per_keypoint:
            losses = [
                masked_mean((one - free).relu(), valid)
                for one, free in zip(distance, slack)
            ]
        else:
            counts = valid.sum(dim=-1)
            means = (distance * valid).sum(dim=-1) / counts.clamp(min=1)
            beyond = (means - slack.unsqueeze(-1)).relu() * (counts > 0)
            rows = (counts > 0).sum().clamp(min=1)
            losses = (beyond.sum(dim=-1) / rows).unbind()
        return [self.loss_weight * loss for loss in losses]
