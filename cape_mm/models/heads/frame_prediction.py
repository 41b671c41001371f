# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from typing import NamedTuple, Sequence

import torch
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample
from torch import Tensor

from cape_mm.structures.coordinates import norm_to_original

from ..layers.pose_extent import pose_extent
from ..task_modules.pose_matching import image_size

# Share of a person's longer side within which a joint counts as found.
_NEAR = 0.05


class FramePrediction(NamedTuple):
    """What the queries say about the middle frames of B windows.

    Attributes:
        content (Tensor): (B, Q, C).
        poses (Tensor): (B, Q, K, 2) in [0, 1], refined if there is a joint
            decoder.
        logits (Tensor): (B, Q), of being a person.
        sigma (Tensor): (B, Q, K, 2), deviations in [0, 1] of the input.
        visibility (Tensor): (B, Q, K) in [0, 1]; 1 if it is not predicted.
        position (Tensor, optional): (B, Q, C), embedding of the poses of the
            pose decoder, if it is handed over.
    """

    content: Tensor
    poses: Tensor
    logits: Tensor
    sigma: Tensor
    visibility: Tensor
    position: Tensor | None = None


def joint_scores(
    prediction: FramePrediction,
    persons: Tensor,
    scores: Tensor,
    img_shape: Sequence[int],
) -> tuple[Tensor, Tensor]:
    """Scores and visibilities of the joints of given persons.

    Args:
        prediction (FramePrediction): Of one window.
        persons (Tensor): (M,) int64, which of the Q queries.
        scores (Tensor): (M,) in [0, 1], of the persons.
        img_shape (Sequence[int]): Height and width of the input in pixels.

    Returns:
        tuple:
        - scores (Tensor): (M, K): of the person, times visibility, times the
          probability that the joint is nearer than a twentieth of the person's
          longer side in pixels, on both axes, under a Laplace distribution
          with its deviations.
        - visibility (Tensor): (M, K) in [0, 1].
    """
    visibility = prediction.visibility[0, persons]
    size = image_size(prediction.poses, img_shape)
    side = pose_extent(prediction.poses[0, persons] * size).amax(dim=-1)
    near = _NEAR * side[:, None, None] / (prediction.sigma[0, persons] * size)
    certain = (1 - (-near).exp()).prod(dim=-1)
    return scores[:, None] * visibility * certain, visibility


def persons_to_original(
    persons: InstanceData, result: FramePrediction, frame: PoseDataSample
) -> InstanceData:
    """Describe tracked persons in original pixels.

    Args:
        persons (InstanceData): M persons of ``PoseQueryTracker.update``.
        result (FramePrediction): Of the window, B = 1.
        frame (PoseDataSample): Its middle frame.

    Returns:
        InstanceData: NumPy arrays ``keypoints`` (M, K, 2),
        ``keypoint_scores`` (M, K), ``keypoints_visible`` (M, K) in [0, 1],
        ``bboxes`` (M, 4) xyxy, ``bbox_scores`` (M,), ``track_ids`` (M,).
    """
    scores, visibility = joint_scores(
        result, persons.query_index, persons.bbox_scores, frame.img_shape
    )
    points = norm_to_original(
        persons.keypoints.float(), frame.warp_mat, frame.img_shape
    )
    boxes = torch.cat([points.amin(dim=1), points.amax(dim=1)], dim=-1)
    values = dict(
        keypoints=points,
        keypoint_scores=scores,
        keypoints_visible=visibility,
        bboxes=boxes,
        bbox_scores=persons.bbox_scores,
        track_ids=persons.track_ids,
    )
    return InstanceData(
        **{name: value.cpu().numpy() for name, value in values.items()}
    )
