# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from mmdet.models.task_modules.assigners.match_cost import BaseMatchCost
from mmengine.structures import InstanceData
from torch import Tensor

from cape_mm.registry import TASK_UTILS


@TASK_UTILS.register_module()
class KeypointL1Cost(BaseMatchCost):
    """Mean L1 distance per visible coordinate.

    What is annotated or predicted at invisible joints has no influence. A
    person without visible joints costs 0 for every query.

    Args:
        weight (float): Defaults to 1. PETR uses 70.
    """

    def __call__(
        self,
        pred_instances: InstanceData,
        gt_instances: InstanceData,
        img_meta: dict | None = None,
        **kwargs,
    ) -> Tensor:
        """Compare all queries with all persons.

        Args:
            pred_instances (InstanceData): ``keypoints`` (Q, K, 2) in [0, 1].
            gt_instances (InstanceData): ``keypoints`` (N, K, 2) in [0, 1],
                ``keypoints_visible`` (N, K), visible if above 0.
            img_meta (dict, optional): Not used.
            **kwargs: Not used.

        Returns:
            Tensor: (Q, N) float32.
        """
        predicted = pred_instances.keypoints.float()
        visible = gt_instances.keypoints_visible > 0
        distance = predicted[:, None] - gt_instances.keypoints.float()
        distance = distance.abs().sum(dim=-1).masked_fill(~visible, 0.0)
        coordinates = 2 * visible.sum(dim=-1).clamp(min=1)
        return self.weight * distance.sum(dim=-1) / coordinates
