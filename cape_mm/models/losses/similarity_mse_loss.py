# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from typing import Sequence

from torch import Tensor, nn

from cape_mm.models.layers.cape import (
    Match,
    heatmap_profiles,
    resized_heatmaps,
)
from cape_mm.registry import MODELS

from .keypoint_losses import masked_mean


@MODELS.register_module()
class SimilarityMSELoss(nn.Module):
    """Squared error of the sigmoid of similarity maps (CapeFormer).

    The target is the keypoint's heatmap, resized to the map and divided by
    its maximum.

    Args:
        heatmap_size (Sequence[int]): Width and height of the heatmap.
            Defaults to (64, 64).
        sigma (float): Sigma of the heatmap's Gaussian, in its cells. Defaults
            to 2.0.
        loss_weight (float): Factor of the loss. Defaults to 2.0.
    """

    def __init__(
        self,
        heatmap_size: Sequence[int] = (64, 64),
        sigma: float = 2.0,
        loss_weight: float = 2.0,
    ) -> None:
        super().__init__()
        self.heatmap_size = heatmap_size
        self.sigma = sigma
        self.loss_weight = loss_weight

    def forward(self, match: Match, target: Tensor, valid: Tensor) -> Tensor:
        """Compare maps with keypoints.

        Args:
            match (Match): Maps of (N, K) keypoints.
            target (Tensor): Annotated keypoints (N, K, 2), input pixels
                divided by the size of the input.
            valid (Tensor): Mask (N, K), bool, of the keypoints that count.

        Returns:
            Tensor: Scalar, see :func:`masked_mean`.
        """
        heatmaps = heatmap_profiles(target, self.heatmap_size, self.sigma)
        expected = resized_heatmaps(heatmaps, match.map_size)
        error = (match.logits.sigmoid() - expected).square().mean(dim=-1)
        return self.loss_weight * masked_mean(error, valid)
