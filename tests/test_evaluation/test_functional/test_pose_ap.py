# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import math

import numpy as np
import pytest

from cape_mm.evaluation.functional import average_precision, match_poses


def match(hits, labelled):
    """Match persons by how many joints each prediction hits."""
    hits, labelled = np.array(hits), np.array(labelled)
    joints = np.arange(4)
    distances = np.where(joints < hits[..., None], 0.1, np.inf)
    return match_poses(distances, joints < labelled[:, None], 0.5).tolist()


def test_a_person_takes_the_prediction_with_the_largest_share_of_hits():
    assert match([[1, 3, 2]], [4]) == [-1, 0, -1]
    # half of 4 is less than all of 1
    assert match([[2], [1]], [4, 1]) == [1]


def test_each_prediction_goes_to_its_best_person_only():
    # the second prediction is better for person 0, but best for person 1
    assert match([[1, 3], [0, 4]], [4, 4]) == [0, 1]
    # and if it is the best of both, one person gets nobody
    assert match([[0, 3], [0, 4]], [4, 4]) == [-1, 1]


def test_no_hit_is_no_match_and_a_hit_at_the_threshold_is_one():
    assert match([[0, 0]], [4]) == [-1, -1]
    distances = np.array([[[0.5]], [[0.51]]])
    valid = np.ones((2, 1), dtype=bool)
    assert match_poses(distances, valid, 0.5).tolist() == [0]
    assert match_poses(distances[1:], valid[1:], 0.5).tolist() == [-1]


def test_nobody_there():
    nobody = np.zeros((0, 2, 4))
    assert (
        match_poses(nobody, np.zeros((0, 4), bool), 0.5).tolist() == [-1] * 2
    )
    nobody = np.zeros((2, 0, 4))
    assert match_poses(nobody, np.ones((2, 4), bool), 0.5).tolist() == []


def test_ap_of_a_known_curve():
    scores = np.array([0.7, 0.9, 0.8])
    correct = np.array([True, True, False])
    # recall 1/2 at precision 1, the other half at 2/3
    assert average_precision(scores, correct, 2) == pytest.approx(5 / 6)
    # one more that nobody finds
    assert average_precision(scores, correct, 3) == pytest.approx(5 / 9)


def test_ap_of_perfect_and_of_no_predictions():
    ones = np.ones(3)
    assert average_precision(ones, ones > 0, 3) == 1
    assert average_precision(ones, ones < 0, 3) == 0
    assert average_precision(ones[:0], ones[:0] > 0, 3) == 0
    assert math.isnan(average_precision(ones, ones > 0, 0))


def test_order_of_equal_scores_has_no_influence():
    scores = np.array([0.5, 0.5, 0.5, 0.9])
    correct = np.array([True, False, True, False])
    expected = 0.5
    for order in ([0, 1, 2, 3], [1, 0, 2, 3], [3, 2, 1, 0]):
        order = np.array(order)
        ap = average_precision(scores[order], correct[order], 2)
        assert ap == pytest.approx(expected)


def test_equal_scores_in_the_order_of_arrival():
    scores = np.array([0.5, 0.5])
    correct = np.array([False, True])
    # numpy's order reversed: the last one first
    assert average_precision(scores, correct, 1, arrival_order=True) == 1
    assert average_precision(scores, correct, 1) == 0.5
