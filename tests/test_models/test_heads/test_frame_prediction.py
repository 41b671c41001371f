# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import numpy as np
import torch
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample

from cape_mm.models.heads.frame_prediction import (
    FramePrediction,
    persons_to_original,
)

SIGMAS = (0.01, 0.02, 0.03, 0.05, 0.1)


def describe(sigma, visible=1.0, side=0.6):
    """One person of five joints with these deviations, of score 0.8."""
    torch.manual_seed(0)
    count = len(SIGMAS)
    points = torch.rand(1, count, 2)
    points[0, :2, 0] = torch.tensor([0.5 - side / 2, 0.5 + side / 2])
    points[0, :, 1] = points[0, :, 1].clamp(0.4, 0.6)
    points[0, 2:, 0] = 0.5
    result = FramePrediction(
        content=torch.zeros(1, 1, 4),
        poses=points[None],
        logits=torch.zeros(1, 1),
        sigma=torch.tensor(sigma)[None, None, :, None].repeat(1, 1, 1, 2),
        visibility=torch.full((1, 1, count), visible),
    )
    persons = InstanceData(
        keypoints=points,
        bbox_scores=torch.tensor([0.8]),
        track_ids=torch.tensor([3]),
        query_index=torch.tensor([0]),
    )
    frame = PoseDataSample(
        metainfo=dict(
            img_shape=(100, 200), warp_mat=np.eye(2, 3, dtype=np.float32)
        )
    )
    return points, persons_to_original(persons, result, frame)


def test_uncertain_joints_stay_where_they_are():
    points, sure = describe([0.001] * len(SIGMAS))
    _, unsure = describe([0.999] * len(SIGMAS))
    wanted = points.numpy() * [200, 100] - 0.5
    assert np.allclose(sure.keypoints, wanted, atol=1e-4)
    assert np.array_equal(unsure.keypoints, sure.keypoints)


def test_scores_of_joints_tell_certainty_apart():
    scores = describe(SIGMAS)[1].keypoint_scores[0]
    assert (np.diff(scores) < -0.01).all()
    # A certain, visible joint is as good as its person.
    _, sure = describe([0.0] * len(SIGMAS))
    assert np.allclose(sure.keypoint_scores, 0.8)
    # Half of the errors of a Laplace distribution are below s log 2.
    # The input is half as high as wide, so the deviation along y is half.
    points, half = describe([0.05 / np.log(2)] * len(SIGMAS), side=1.0)
    assert np.allclose(half.keypoint_scores, 0.8 * 0.5 * 0.75, atol=1e-3)
    _, hidden = describe([0.0] * len(SIGMAS), visible=0.25)
    assert np.allclose(hidden.keypoint_scores, 0.2)
