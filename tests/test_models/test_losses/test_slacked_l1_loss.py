# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import torch
from torch.testing import assert_close

from cape_mm.models.layers.cape import layer_slack
from cape_mm.models.losses import SlackedL1Loss

# two samples of two keypoints, off by the sums 0.3, 0.05 and 0.2, 0.4
OFF = torch.tensor([[[0.1, 0.2], [0.05, 0]], [[-0.2, 0], [0.2, -0.2]]])
TARGET = torch.full((2, 2, 2), 0.5)
POINTS = (TARGET + OFF).expand(2, 2, 2, 2)
ALL = torch.ones(2, 2, dtype=torch.bool)


def test_the_last_layer_has_no_slack():
    assert_close(layer_slack(3), torch.tensor([0.2, 0.1, 0.0]))


def test_every_keypoint_has_the_slack():
    first, last = SlackedL1Loss()(POINTS, TARGET, ALL)
    assert_close(last, torch.tensor((0.35 / 2 + 0.6 / 2) / 2))
    assert_close(first, torch.tensor((0.2 / 2 + 0.4 / 2) / 2))


def test_the_mean_of_keypoints_has_the_slack():
    first, last = SlackedL1Loss(per_keypoint=False)(POINTS, TARGET, ALL)
    assert_close(last, torch.tensor((0.175 + 0.3) / 2))
    assert_close(first, torch.tensor((0.075 + 0.2) / 2))


def test_keypoints_that_are_not_valid_do_not_count():
    valid = torch.tensor([[True, False], [True, True]])
    last = SlackedL1Loss(2.0)(POINTS, TARGET, valid)[-1]
    assert_close(last, torch.tensor(0.3 + 0.3))


def test_samples_without_keypoint_are_0_or_left_out():
    valid = torch.tensor([[False, False], [True, True]])
    assert_close(
        SlackedL1Loss()(POINTS, TARGET, valid)[-1], torch.tensor(0.3 / 2)
    )
    means = SlackedL1Loss(per_keypoint=False)
    assert_close(means(POINTS, TARGET, valid)[-1], torch.tensor(0.3))
    assert means(POINTS, TARGET, ~ALL)[-1] == 0
