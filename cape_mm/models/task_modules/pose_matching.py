# Copyright (c) cape_mm contributors. All rights reserved.
"""Similarity of poses, duplicates and pairs of similar poses."""

from __future__ import annotations

from typing import Sequence

import torch
from mmpose.datasets.datasets.utils import parse_pose_metainfo
from mmpose.evaluation.functional import nms_torch
from mmpose.models.task_modules.assigners.metric_calculators import PoseOKS
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from ..layers.pavenet.pose_queries import pose_extent


def build_oks(metainfo: str | dict) -> PoseOKS:
    """Make MMPose's OKS with the sigmas of a dataset.

    Args:
        metainfo (str | dict): Metainfo of the dataset with ``sigmas``, or the
            path of its file, as MMPose's datasets take it.

    Returns:
        PoseOKS: Object keypoint similarity with ``sigmas`` (K,).

    Raises:
        ValueError: If there are no sigmas.
    """
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
    """Similarity of all pairs of poses, with all keypoints.

    The area of a pair is the mean of those of the tight boxes.

    Args:
        oks (PoseOKS): OKS with the sigmas of the dataset.
        poses_a (Tensor): Poses (A, K, 2), input pixels.
        poses_b (Tensor): Poses (B, K, 2), input pixels.

    Returns:
        Tensor: Similarities (A, B), float32, in [0, 1].
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


def suppress_duplicates(
    oks: PoseOKS, poses: Tensor, priority: Tensor, threshold: float
) -> Tensor:
    """Keep the pose with the highest priority among duplicates.

    Args:
        oks (PoseOKS): OKS with the sigmas of the dataset.
        poses (Tensor): Poses (M, K, 2), input pixels.
        priority (Tensor): Priorities (M,).
        threshold (float): Similarity above which poses are duplicates.

    Returns:
        Tensor: (M,) bool, True for poses to keep.
    """
    kept = torch.zeros_like(priority, dtype=torch.bool)
    if not len(poses):
        return kept
    similarity = pairwise_oks(oks, poses, poses)
    best = nms_torch(
        torch.arange(len(poses), device=poses.device),
        priority,
        threshold,
        lambda one, others: similarity[one, others][None],
    )
    kept[best] = True
    return kept


def match_one_to_one(similarity: Tensor, gate: float) -> tuple[Tensor, Tensor]:
    """Make pairs with the largest sum of similarities.

    Args:
        similarity (Tensor): Similarities (A, B), not negative.
        gate (float): Minimum similarity of a pair.

    Returns:
        Tuple[Tensor, Tensor]: Rows and columns (P,) of the pairs, int64.
    """
    close = similarity.masked_fill(similarity < gate, 0.0)
    rows, columns = (
        torch.as_tensor(index, device=similarity.device)
        for index in linear_sum_assignment(close.cpu().numpy(), maximize=True)
    )
    pairs = similarity[rows, columns] >= gate
    return rows[pairs], columns[pairs]


def match_greedily(similarity: Tensor, gate: float) -> tuple[Tensor, Tensor]:
    """Make pairs, the most similar one first.

    Args:
        similarity (Tensor): Similarities (A, B), not negative.
        gate (float): Minimum similarity of a pair.

    Returns:
        Tuple[Tensor, Tensor]: Rows and columns (P,) of the pairs, int64.
    """
    left = similarity.clone()
    pairs = []
    while left.numel() and left.max() >= gate:
        pair = divmod(int(left.argmax()), left.shape[1])
        pairs.append(pair)
        left[pair[0]] = -1.0
        left[:, pair[1]] = -1.0
    index = torch.tensor(pairs, dtype=torch.int64, device=similarity.device)
    return tuple(index.view(-1, 2).unbind(dim=1))


def image_size(poses: Tensor, img_shape: Sequence[int]) -> Tensor:
    """Factor (2,) from normalised poses to input pixels, up to a shift.

    Args:
        poses (Tensor): Tensor of the device and dtype of the result.
        img_shape (Sequence[int]): Height and width of the input.

    Returns:
        Tensor: Width and height (2,).
    """
    return poses.new_tensor([img_shape[1], img_shape[0]])
