# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from mmdet.models.task_modules.assigners.match_cost import BaseMatchCost
from mmengine.structures import InstanceData
from torch import Tensor

from cape_mm.registry import TASK_UTILS

from .pose_similarity import build_oks


@TASK_UTILS.register_module()
class OksCost(BaseMatchCost):
    """Negative object keypoint similarity of the visible joints.

    A person without visible joints costs 0 for every query.

    Args:
        metainfo (str | dict): Metainfo of the dataset, which has the sigmas,
            or the path of its file.
        weight (float): Defaults to 1. PETR uses 7.
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
            pred_instances (InstanceData): ``keypoints`` (Q, K, 2) in [0, 1].
            gt_instances (InstanceData): ``keypoints`` (N, K, 2) in [0, 1],
                ``keypoints_visible`` (N, K), visible if above 0, ``areas``
                (N,) in input pixels.
            img_meta (dict): ``img_shape`` (height, width) of the input, which
                [0, 1] belongs to.
            **kwargs: Not used.

        Returns:
            Tensor: (Q, N) float32, from -weight to 0.
        """
        height, width = img_meta['img_shape'][:2]
        size = gt_instances.areas.new_tensor([width, height])
        visible = (gt_instances.keypoints_visible > 0).float()
        # What stands at an invisible joint must not even be finite.
        wanted = gt_instances.keypoints.float().masked_fill(
            visible[..., None] == 0, 0.0
        )
        oks = self.oks(
            pred_instances.keypoints.float()[:, None] * size,
            wanted[None] * size,
            visible,
            gt_instances.areas.float(),
        )
        return -self.weight * oks
