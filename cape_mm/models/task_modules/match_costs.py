# Copyright (c) cape_mm contributors. All rights reserved.
"""Similarity of poses (OKS), and costs of pairs for assigners."""

from __future__ import annotations

import torch
from mmdet.models.task_modules.assigners.match_cost import BaseMatchCost
from mmengine.structures import InstanceData
from mmpose.datasets.datasets.utils import parse_pose_metainfo
from mmpose.models.task_modules.assigners.metric_calculators import PoseOKS
from torch import Tensor

from cape_mm.registry import TASK_UTILS

from ..layers.pavenet.pose_queries import pose_extent


def build_oks(metainfo: str | dict) -> PoseOKS:
    """MMPose's OKS with the sigmas of a dataset's metainfo, or of its file."""
    if isinstance(metainfo, str):
        metainfo = parse_pose_metainfo(dict(from_file=metainfo))
    if metainfo.get('sigmas') is None:
        raise ValueError(
            'OKS needs the sigmas of the dataset: the metainfo has only '
            f'{", ".join(metainfo) or "nothing"}'
        )
    oks = PoseOKS(metainfo=None)
    oks.sigmas = torch.as_tensor(metainfo['sigmas'], dtype=torch.float32)
    return oks


def pairwise_oks(oks: PoseOKS, poses_a: Tensor, poses_b: Tensor) -> Tensor:
    """Similarities (A, B), float32, of poses (A, K, 2) and (B, K, 2).

    Poses are in input pixels. All keypoints count, and the area of a pair is
    the mean of those of the tight boxes.
    """
    poses_a, poses_b = poses_a.float(), poses_b.float()
    shape = (len(poses_a), len(poses_b), *poses_a.shape[1:])
    areas_a, areas_b = (
        pose_extent(poses).prod(dim=-1) for poses in (poses_a, poses_b)
    )
    areas = (areas_a[:, None] + areas_b) / 2
    one = poses_a[:, None].expand(shape).flatten(0, 1)
    other = poses_b[None].expand(shape).flatten(0, 1)
    values = oks(one, other, torch.ones_like(one[..., 0]), areas.flatten())
    return values.view(shape[:2])


@TASK_UTILS.register_module()
class KeypointL1Cost(BaseMatchCost):
    """Mean L1 distance per visible coordinate.

    Queries have ``keypoints`` (Q, K, 2), normalised; persons have them (N, K,
    2) and ``keypoints_visible`` (N, K), visible if above 0. Coordinates of
    invisible keypoints have no influence. A person without visible keypoints
    costs 0 for every query.

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
        """Costs (Q, N), float32, of all queries and persons."""
        predicted = pred_instances.keypoints.float()
        visible = gt_instances.keypoints_visible > 0
        distance = predicted[:, None] - gt_instances.keypoints.float()
        distance = distance.abs().sum(dim=-1).masked_fill(~visible, 0.0)
        coordinates = 2 * visible.sum(dim=-1).clamp(min=1)
        return self.weight * distance.sum(dim=-1) / coordinates


@TASK_UTILS.register_module()
class OksCost(BaseMatchCost):
    """Negative object keypoint similarity of the visible keypoints.

    Fields are those of :class:`KeypointL1Cost`; persons also have ``areas``
    (N,), square input pixels, and the meta information ``img_shape``, height
    and width of the input. A person without visible keypoints costs 0 for
    every query.

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
        """Costs (Q, N), float32, from -weight to 0."""
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
