# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from cape_mm.registry import MODELS

from .averaged_views_estimator import AveragedViewsEstimator


@MODELS.register_module()
class CoarseToFineEstimator(AveragedViewsEstimator):
    """Top-down estimator whose head also gets the input itself.

    Backbone and neck work at half the resolution of the input; a head such
    as :class:`CoarseToFineHeatmapHead` reads its details near the places that
    were found there. Arguments are those of :class:`AveragedViewsEstimator`.
    """

    def extract_feat(self, inputs: Tensor) -> tuple[Tensor, ...]:
        """Extract features at half the resolution.

        Args:
            inputs (Tensor): Normalised images (N, 3, H, W); H and W are even.

        Returns:
            tuple[Tensor, ...]: Those of the neck, and the input.
        """
        return (*super().extract_feat(F.avg_pool2d(inputs, 2)), inputs)
