# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import math

import numpy as np
import pytest

from cape_mm.evaluation.functional.keypoints import (
    copy_keypoints,
    keypoint_distances,
    longer_side,
    mean_error,
    pair_auc,
    pair_pck,
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


DISTANCES = np.array([0.0, 10.0, 20.0, 30.0])
ALL = np.ones(4, dtype=bool)


def test_an_error_equal_to_the_threshold_is_not_correct():
    assert pair_pck(DISTANCES, ALL, 100.0, 0.2) == 0.5
    assert pair_pck(DISTANCES, ALL, 100.0, 0.2001) == 0.75
    assert pair_pck(DISTANCES, ALL, 100.0, 0.0) == 0.0


def test_only_valid_keypoints_count():
    valid = np.array([True, False, False, True])
    assert pair_pck(DISTANCES, valid, 100.0, 0.2) == 0.5


def test_pck_of_no_keypoint_is_nan():
    assert math.isnan(pair_pck(DISTANCES, ~ALL, 100.0, 0.2))
    assert math.isnan(pair_auc(DISTANCES, ~ALL, 100.0))


def test_a_nan_prediction_is_wrong():
    distances = np.array([0.0, np.nan])
    assert pair_pck(distances, ALL[:2], 100.0, 0.2) == 0.5


def test_auc_of_perfect_and_of_known_predictions():
    assert pair_auc(np.zeros(3), ALL[:3], 100.0) == pytest.approx(0.95)
    # correct from threshold 0.55 on: 9 of 20 thresholds
    assert pair_auc(np.array([50.0]), ALL[:1], 100.0) == pytest.approx(0.45)


def test_agrees_with_mmpose_on_one_pair():
    from mmpose.evaluation.functional import keypoint_pck_accuracy

    rng = np.random.default_rng(0)
    for _ in range(20):
        count = int(rng.integers(1, 20))
        truth = rng.uniform(0, 200, size=(1, count, 2))
        predicted = truth + rng.normal(0, 30, size=truth.shape)
        valid = rng.random((1, count)) < 0.8
        valid[0, 0] = True
        size = rng.uniform(50, 200)
        _, expected, _ = keypoint_pck_accuracy(
            predicted, truth, valid, 0.2, np.array([[size, size]])
        )
        distances = np.linalg.norm(predicted - truth, axis=-1)[0]
        assert pair_pck(distances, valid[0], size, 0.2) == pytest.approx(
            expected
        )


def test_a_copy_is_moved_from_box_to_box():
    keypoints = np.array([[10, 10], [30, 20]], np.float32)
    box = np.array([0, 0, 40, 20], np.float32)
    target = np.array([100, 50, 120, 90], np.float32)
    copy = copy_keypoints(keypoints, box, target)
    assert copy.tolist() == [[105, 70], [115, 90]]
