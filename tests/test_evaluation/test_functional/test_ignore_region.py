# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import cv2
import numpy as np

from cape_mm.evaluation.functional import inside_polygons

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
