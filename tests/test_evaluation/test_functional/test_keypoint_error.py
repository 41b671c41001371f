# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import math

import numpy as np
import pytest

from cape_mm.evaluation.functional import (
    keypoint_distances,
    longer_side,
    mean_error,
)


def test_distances_are_euclidean():
    predicted = np.array([[3.0, 4.0], [1.0, 1.0]], dtype=np.float32)
    truth = np.array([[0.0, 0.0], [1.0, 1.0]], dtype=np.float32)
    assert keypoint_distances(predicted, truth).tolist() == [5.0, 0.0]


def test_other_number_of_keypoints_is_an_error():
    with pytest.raises(ValueError, match=r'\(2, 2\)'):
        keypoint_distances(np.zeros((2, 2)), np.zeros((3, 2)))


def test_mean_error_in_pixels_and_normalized():
    distances = np.array([1.0, 3.0, 100.0])
    valid = np.array([True, True, False])
    assert mean_error(distances, valid) == 2.0
    assert mean_error(distances, valid, 10.0) == 0.2
    assert math.isnan(mean_error(distances, np.zeros(3, dtype=bool)))


def test_longer_side_of_a_box():
    assert longer_side(np.array([10, 20, 40, 100])) == 80.0
    assert longer_side(np.array([10, 20, 140, 100])) == 130.0
