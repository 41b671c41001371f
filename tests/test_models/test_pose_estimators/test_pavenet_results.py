# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import numpy as np
import torch
from mmpose.structures import PoseDataSample

from cape_mm.models.layers.pavenet import FramePrediction, PoseProposals
from cape_mm.models.pose_estimators.pavenet import _to_original
from cape_mm.models.task_modules import PoseQueryTracker

SIGMAS = (0.01, 0.02, 0.03, 0.05, 0.1)


def describe(sigma, visible=1.0, side=0.6):
    """One person of five keypoints with these sigmas, of score 0.8."""
    torch.manual_seed(0)
    count = len(SIGMAS)
    points = torch.rand(1, count, 2)
    points[0, :2, 0] = torch.tensor([0.5 - side / 2, 0.5 + side / 2])
    points[0, :, 1] = points[0, :, 1].clamp(0.4, 0.6)
    points[0, 2:, 0] = 0.5
    sigma = torch.tensor(sigma)[None, None, :, None].repeat(1, 1, 1, 2)
    logits = torch.tensor([[0.8]]).logit()
    prediction = FramePrediction(
        content=torch.zeros(1, 1, 4),
        poses=points[None],
        logits=logits,
        sigma=sigma,
        visibility=torch.full((1, 1, count), visible),
    )
    proposals = PoseProposals(
        prediction.content, logits, points[None], sigma, logits > 0
    )
    frame = PoseDataSample(
        metainfo=dict(
            video_id='a',
            frame_id=0,
            img_shape=(100, 200),
            warp_mat=np.eye(2, 3, dtype=np.float32),
        )
    )
    tracker = PoseQueryTracker(dict(sigmas=SIGMAS))
    persons, _ = tracker.track(proposals, lambda _: prediction, frame)
    return points, _to_original(persons, frame)


def test_uncertain_keypoints_stay_where_they_are():
    points, sure = describe([0.001] * len(SIGMAS))
    _, unsure = describe([0.999] * len(SIGMAS))
    expected = points.numpy() * [200, 100] - 0.5
    assert np.allclose(sure.keypoints, expected, atol=1e-4)
    assert np.array_equal(unsure.keypoints, sure.keypoints)


def test_scores_of_keypoints_depend_on_their_certainty():
    scores = describe(SIGMAS)[1].keypoint_scores[0]
    assert (np.diff(scores) < -0.01).all()
    # A certain, visible keypoint is as good as its person.
    _, sure = describe([0.0] * len(SIGMAS))
    assert np.allclose(sure.keypoint_scores, 0.8)
    # Half of the errors of a Laplace distribution are below s log 2.
    # The input is half as high as wide, so the sigma along y is half.
    points, half = describe([0.05 / np.log(2)] * len(SIGMAS), side=1.0)
    assert np.allclose(half.keypoint_scores, 0.8 * 0.5 * 0.75, atol=1e-3)
    _, hidden = describe([0.0] * len(SIGMAS), visible=0.25)
    assert np.allclose(hidden.keypoint_scores, 0.2)
