# Copyright (c) cape_mm contributors. All rights reserved.
"""Similarity of poses (OKS)."""

from __future__ import annotations

import torch
from mmpose.datasets.datasets.utils import parse_pose_metainfo
from mmpose.models.task_modules.assigners.metric_calculators import PoseOKS
from torch import Tensor

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
