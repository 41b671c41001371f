# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from mmpose.utils.typing import ConfigType
from torch import Tensor

from cape_mm.registry import MODELS

from .cape_estimator import CapeEstimator, Features


@MODELS.register_module()
class PomnetEstimator(CapeEstimator):
    """Category-agnostic pose estimator with a second backbone for supports.

    POMNet (ECCV 2022) trains two networks: one describes support keypoints,
    the other one the query.

    Args:
        support_backbone (ConfigType): Backbone of the supports; ``backbone``
            is that of the queries.
        **kwargs: Arguments of :class:`CapeEstimator`, without neck and
            without ``rotate_roles``.
    """

    def __init__(self, support_backbone: ConfigType, **kwargs) -> None:
        super().__init__(**kwargs)
        if self.train_cfg.get('rotate_roles'):
            raise ValueError(
                'rotate_roles needs one backbone for supports and queries'
            )
        self.support_backbone = MODELS.build(support_backbone)

    def extract_feat(
        self, inputs: dict[str, Tensor]
    ) -> tuple[Features, Features]:
        """Extract features of supports and queries.

        Args:
            inputs (dict[str, Tensor]): See :meth:`CapeEstimator.loss`.

        Returns:
            tuple[Features, Features]: See :meth:`CapeEstimator.extract_feat`.
        """
        return (
            self.encode_supports(inputs['support']),
            self.encode_queries(inputs['query']),
        )

    def encode_supports(self, images: Tensor) -> Features:
        """Extract features of supports alone.

        Args:
            images (Tensor): Preprocessed images (B, S, 3, H, W).

        Returns:
            tuple[Tensor]: Levels of (B * S, C, H', W').
        """
        return self.support_backbone(images.flatten(0, 1))
