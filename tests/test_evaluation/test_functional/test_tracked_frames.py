# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import itertools

import cv2
import numpy as np
import pytest

from cape_mm.evaluation.functional.tracked_frames import (
    head_distances,
    head_sizes,
    inside_polygons,
    number_ids,
    one_to_one,
)


def test_ids_are_numbered_over_the_video():
    numbers, count = number_ids(
        [np.array([9, 4]), np.zeros(0, dtype=int), np.array([700, 4])]
    )
    assert count == 3
    assert [part.tolist() for part in numbers] == [[1, 0], [], [2, 0]]


def test_removed_keypoints_are_neither_predicted_nor_near(make_frames):
    (frame,) = make_frames([{1: [0, 0]}], [{7: [0, 0]}], {(0, 7)})
    rest = frame.restrict(np.array([[True, False]]))
    assert rest.pred_valid.tolist() == rest.ignored.tolist() == [[True, False]]
    assert rest.distances.tolist() == [[[0, np.inf]]]
    assert frame.pred_valid.all()


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


def test_keypoints_that_do_not_count_are_infinitely_far():
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


SQUARE = np.array([[0, 0], [10, 0], [10, 10], [0, 10]])


def test_inside_and_outside_of_a_square():
    points = np.array([[5, 5], [9.9, 0.1], [10.1, 5], [5, -0.1], [-1, 5]])
    expected = [True, True, False, False, False]
    assert inside_polygons(points, [SQUARE]).tolist() == expected


def test_any_polygon_is_enough_and_none_is_none():
    points = np.array([[5.0, 5.0], [25.0, 5.0]])
    assert inside_polygons(points, [SQUARE, SQUARE + [20, 0]]).all()
    assert not inside_polygons(points, []).any()


def test_shape_is_kept_and_nan_is_outside():
    points = np.full((2, 3, 2), 5.0)
    points[0, 0] = np.nan
    inside = inside_polygons(points, [SQUARE])
    assert inside.shape == (2, 3)
    assert inside.sum() == 5 and not inside[0, 0]
    assert inside_polygons(np.zeros((0, 3, 2)), [SQUARE]).shape == (0, 3)


def test_a_polygon_may_cross_itself():
    bow = np.array([[0, 0], [10, 10], [10, 0], [0, 10]])
    points = np.array([[1, 5], [9, 5], [5, 1], [5, 9]])
    assert inside_polygons(points, [bow]).tolist() == [
        True,
        True,
        False,
        False,
    ]


def test_agrees_with_opencv_on_random_polygons():
    rng = np.random.default_rng(0)
    for corners in (3, 4, 7, 30):
        angles = np.sort(rng.uniform(0, 2 * np.pi, corners))
        radii = rng.uniform(10, 50, corners)
        polygon = radii[:, None] * np.stack(
            [np.cos(angles), np.sin(angles)], axis=1
        )
        points = rng.uniform(-50, 50, (200, 2))
        contour = polygon.astype(np.float32)
        expected = [
            cv2.pointPolygonTest(contour, p, False) > 0 for p in points
        ]
        assert inside_polygons(points, [contour]).tolist() == expected


def test_each_problem_is_solved_on_its_own():
    scores = np.zeros((2, 2, 2))
    scores[..., 0] = [[3, 2], [2, 0]]
    scores[..., 1] = [[1, 0], [0, 1]]
    chosen = one_to_one(scores)
    # 2 + 2 is more than 3, which would leave the other two alone
    assert chosen[..., 0].tolist() == [[False, True], [True, False]]
    assert chosen[..., 1].tolist() == [[True, False], [False, True]]


def test_what_is_not_positive_is_never_paired():
    scores = np.array([[0.0, -1.0], [-np.inf, 0.5]])[..., None]
    chosen = one_to_one(scores)[..., 0]
    assert chosen.tolist() == [[False, False], [False, True]]


@pytest.mark.parametrize('shape', [(0, 3, 2), (3, 0, 2), (0, 0, 1)])
def test_no_person_to_pair(shape):
    assert one_to_one(np.zeros(shape)).shape == shape


def test_sum_is_the_largest_of_all_pairings():
    rng = np.random.default_rng(0)
    for _ in range(50):
        scores = np.maximum(rng.normal(size=(3, 4, 1)), 0)
        chosen = one_to_one(scores)
        assert (chosen.sum(0) <= 1).all() and (chosen.sum(1) <= 1).all()
        best = max(
            sum(scores[row, column, 0] for row, column in enumerate(columns))
            for columns in itertools.permutations(range(4), 3)
        )
        assert scores[chosen].sum() == pytest.approx(best)
