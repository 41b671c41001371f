# Copyright (c) cape_mm contributors. All rights reserved.
"""Which predicted poses belong together."""

from __future__ import annotations

from typing import Sequence

import torch
from mmpose.evaluation.functional import nms_torch
from mmpose.models.task_modules.assigners.metric_calculators import PoseOKS
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from ..layers.pose_extent import pose_extent


def pairwise_oks(oks: PoseOKS, poses_a: Tensor, poses_b: Tensor) -> Tensor:
    """Similarity of all pairs of poses, with all joints.

    The area of a pair is the mean of those of the tight boxes.

    Args:
        oks (PoseOKS): With the sigmas of the dataset.
        poses_a (Tensor): (A, K, 2) in input pixels.
        poses_b (Tensor): (B, K, 2) in input pixels.

    Returns:
        Tensor: (A, B) float32 in [0, 1].
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
    """Of poses that are alike, keep the one with the highest priority.

    Args:
        oks (PoseOKS): With the sigmas of the dataset.
        poses (Tensor): (M, K, 2) in input pixels.
        priority (Tensor): (M,).
        threshold (float): Poses with a higher similarity are alike.

    Returns:
        Tensor: (M,) bool, True for those that are kept.
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
        similarity (Tensor): (A, B), not negative.
        gate (float): Least similarity of a pair.

    Returns:
        Tuple[Tensor, Tensor]: Rows and columns of the pairs, (P,) int64 each.
    """
    close = similarity.masked_fill(similarity < gate, 0.0)
    rows, columns = (
        torch.as_tensor(index, device=similarity.device)
        for index in linear_sum_assignment(close.cpu().numpy(), maximize=True)
    )
    pairs = similarity[rows, columns] >= gate
    return rows[pairs], columns[pairs]


def image_size(poses: Tensor, img_shape: Sequence[int]) -> Tensor:
    """What turns poses in [0, 1] into input pixels, up to a shift.

    Args:
        poses (Tensor): Whose device and dtype are wanted.
        img_shape (Sequence[int]): Height and width of the input.

    Returns:
        Tensor: (2,) width and height.
    """
    return poses.new_tensor([img_shape[1], img_shape[0]])
