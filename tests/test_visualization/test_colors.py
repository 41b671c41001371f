# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import numpy as np
import pytest

from cape_mm.visualization.colors import keypoint_colors, track_colors


@pytest.mark.parametrize('num_keypoints', [1, 17, 106])
def test_each_keypoint_has_a_colour_of_its_own(num_keypoints):
    colors = keypoint_colors(num_keypoints)
    assert len(np.unique(colors, axis=0)) == num_keypoints


def test_a_colour_belongs_to_an_identity():
    colors = track_colors([4, 0, 4, 9])
    assert colors.dtype == np.uint8 and colors.shape == (4, 3)
    assert np.array_equal(colors[0], colors[2])
    assert np.array_equal(track_colors([0])[0], colors[1])
    many = track_colors(range(40))
    assert len({tuple(color) for color in many.tolist()}) == 40
    near = [np.abs(a - b).sum() for a, b in zip(many[:-1] * 1.0, many[1:])]
    assert min(near) > 100


def test_unknown_identities_are_grey():
    assert track_colors([-1]).tolist() == [[160, 160, 160]]
    assert track_colors([]).shape == (0, 3)
