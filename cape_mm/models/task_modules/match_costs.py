# Copyright (c) cape_mm contributors. All rights reserved.
"""Costs of all pairs of queries and persons, for assigners."""

from __future__ import annotations

from mmdet.models.task_modules.assigners.match_cost import BaseMatchCost
from mmengine.structures import InstanceData
from torch import Tensor

from cape_mm.registry import TASK_UTILS

from .pose_matching import build_oks


@TASK_UTILS.register_module()
class KeypointL1Cost(BaseMatchCost):
    """Mean L1 distance per visible coordinate.

    Coordinates of invisible keypoints have no influence. A person without
    visible keypoints costs 0 for every query.

    Args:
        weight (float): Factor of the cost. Defaults to 1. PETR uses 70.
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
            pred_instances (InstanceData): Queries with ``keypoints``
                (Q, K, 2), normalised.
            gt_instances (InstanceData): Persons with ``keypoints`` (N, K, 2),
                normalised, and ``keypoints_visible`` (N, K), visible if
                above 0.
            img_meta (dict, optional): Not used.
            **kwargs: Not used.

        Returns:
            Tensor: Costs (Q, N), float32.
        """
        predicted = pred_instances.keypoints.float()
        visible = gt_instances.keypoints_visible > 0
        distance = predicted[:, None] - gt_instances.keypoints.float()
        distance = distance.abs().sum(dim=-1).masked_fill(~visible, 0.0)
        coordinates = 2 * visible.sum(dim=-1).clamp(min=1)
        return self.weight * distance.sum(dim=-1) / coordinates


@TASK_UTILS.register_module()
class OksCost(BaseMatchCost):
    """Negative object keypoint similarity of the visible keypoints.

    A person without visible keypoints costs 0 for every query.

    Args:
        metainfo (str | dict): Metainfo of the dataset with the sigmas, or the
            path of its file.
        weight (float): Factor of the cost. Defaults to 1. PETR uses 7.
    """

    def __init__(self, metainfo: str | dict, weight: float = 1.0) -> None:
        super().__init__(weight=weight)
        self.oks = build_oks(metainfo)

    def __call__(
        self,
        pred_instances: InstanceData,
        gt_instances: InstanceData,
        img_meta: dict | None = None,
        **kwargs,
    ) -> Tensor:
        """Compare all queries with all persons.

        Args:
            pred_instances (InstanceData): See :class:`KeypointL1Cost`.
            gt_instances (InstanceData): See :class:`KeypointL1Cost`, with
                ``areas`` (N,), square input pixels.
            img_meta (dict): Meta information with ``img_shape``, height and
                width of the input.
            **kwargs: Not used.

        Returns:
            Tensor: Costs (Q, N), float32, from -weight to 0.
        """
        size = gt_instances.areas.new_tensor(img_meta['img_shape'][1::-1])
        visible = (gt_instances.keypoints_visible > 0).float()
        # Coordinates of an invisible keypoint need not even be finite.
        target = gt_instances.keypoints.float().masked_fill(
            visible[..., None] == 0, 0.0
        )
        oks = self.oks(
            pred_instances.keypoints.float()[:, None] * size,
            target[None] * size,
            visible,
            gt_instances.areas.float(),
        )
        return -self.weight * oks
