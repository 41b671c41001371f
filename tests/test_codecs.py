# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import numpy as np
import pytest
from mmpose.codecs import MSRAHeatmap

from cape_mm.codecs import NormalizedLabel, ReachingLabel


def keypoints_around_the_border(count=400):
    rng = np.random.default_rng(0)
    return rng.uniform(-60, 320, (1, count, 2))


@pytest.mark.parametrize('sigma', [1.0, 2.0])
def test_a_label_counts_where_mmpose_makes_a_heatmap(sigma):
    keypoints = keypoints_around_the_border()
    visible = np.ones((1, 400), np.float32)
    visible[:, ::7] = 0
    heatmap = MSRAHeatmap((256, 256), (64, 64), sigma=sigma)
    expected = heatmap.encode(keypoints, visible)['keypoint_weights']
    encoded = ReachingLabel((256, 256), sigma).encode(keypoints, visible)
    assert 0 < expected.sum() < 300
    np.testing.assert_array_equal(encoded['keypoint_weights'], expected)


def test_labels_that_reach_are_those_of_the_normalised_frame_not_clipped():
    keypoints = np.array([[[-10.0, 20.0], [100.0, 255.0]]])
    codec = ReachingLabel((256, 256), 2.0)
    inside = NormalizedLabel((256, 256))
    encoded = codec.encode(keypoints)
    np.testing.assert_array_equal(encoded['keypoint_weights'], [[1, 1]])
    np.testing.assert_array_equal(
        inside.encode(keypoints)['keypoint_weights'], [[0, 1]]
    )
    np.testing.assert_allclose(
        codec.decode(encoded['keypoint_labels'])[0], keypoints
    )
