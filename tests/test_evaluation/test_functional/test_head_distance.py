# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import numpy as np
import pytest

from cape_mm.evaluation.functional import head_distances, head_sizes


def test_size_is_six_tenths_of_the_diagonal():
    boxes = [[0, 0, 30, 40], [10, 10, 10, 10]]
    assert head_sizes(boxes) == pytest.approx([30, 0])
    assert head_sizes(np.zeros((0, 4))).shape == (0,)


def test_distance_is_in_heads_of_the_labelled_person():
    truth = np.array([[[0, 0]], [[100, 0]]], dtype=np.float32)
    predicted = np.array([[[3, 4]]], dtype=np.float32)
    ones = np.ones((2, 1), dtype=bool)
    distances = head_distances(
        truth, ones, predicted, ones[:1], np.array([10.0, 20.0])
    )
    assert distances.shape == (2, 1, 1)
    assert distances[0, 0, 0] == pytest.approx(0.5)
    assert distances[1, 0, 0] == pytest.approx(np.hypot(97, 4) / 20)


def test_joints_that_do_not_count_are_infinitely_far():
    truth = np.zeros((1, 3, 2))
    predicted = np.full((2, 3, 2), np.nan)
    predicted[0] = 1
    gt_valid = np.array([[True, False, True]])
    pred_valid = np.array([[True, True, False], [False] * 3])
    distances = head_distances(
        truth, gt_valid, predicted, pred_valid, np.array([1.0])
    )
    assert np.isfinite(distances).tolist() == [
        [[True, False, False], [False, False, False]]
    ]


def test_a_head_without_size_is_matched_by_nothing():
    keypoints = np.zeros((1, 1, 2))
    valid = np.ones((1, 1), dtype=bool)
    distances = head_distances(
        keypoints, valid, keypoints, valid, np.array([0.0])
    )
    assert np.isinf(distances).all()
