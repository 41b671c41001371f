# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import torch
from torch.testing import assert_close

from cape_mm.models.layers import grid_points, sample_features


def test_cell_centres_read_their_own_cell():
    feature_map = torch.randn(1, 4, 3, 5)
    points = grid_points(3, 5, feature_map.device, feature_map.dtype)
    sampled = sample_features(feature_map, points[None])
    assert_close(sampled[0], feature_map[0].flatten(1).T)


def test_points_are_x_then_y():
    ramp = torch.arange(5.0).expand(1, 1, 3, 5)
    points = torch.tensor([[[0.1, 5 / 6], [0.9, 1 / 6]]])
    assert_close(
        sample_features(ramp, points)[0, :, 0], torch.tensor([0.0, 4])
    )


def test_any_number_of_axes():
    sampled = sample_features(torch.randn(2, 4, 3, 5), torch.rand(2, 6, 7, 2))
    assert sampled.shape == (2, 6, 7, 4)
