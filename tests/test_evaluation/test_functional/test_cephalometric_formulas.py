# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import numpy as np
import pytest

from cape_mm.evaluation.functional.cephalometric_formulas import (
    cross,
    distance_along,
    distance_in_front,
    length,
    length_ratio,
    signed_angle,
    turn,
    unsigned_angle,
)

RIGHT, DOWN = np.array([2.0, 0.0]), np.array([0.0, 3.0])


def test_clockwise_in_the_image_is_positive():
    assert cross(RIGHT, DOWN) == 6
    assert signed_angle(RIGHT, DOWN) == pytest.approx(90)
    assert signed_angle(DOWN, RIGHT) == pytest.approx(-90)
    assert unsigned_angle(DOWN, RIGHT) == pytest.approx(90)
    assert turn(RIGHT, 90) == pytest.approx([0, 2])


def test_angles_are_exact_where_a_cosine_is_blunt():
    tiny = turn(RIGHT, 1e-7)
    assert signed_angle(RIGHT, tiny) == pytest.approx(1e-7, rel=1e-6)
    assert unsigned_angle(RIGHT, -tiny) == pytest.approx(180 - 1e-7, abs=1e-12)


def test_front_is_to_the_right_of_a_line_that_goes_down():
    upper, lower = np.array([5.0, 0.0]), np.array([5.0, 9.0])
    points = np.array([[7.0, 4.0], [1.0, 30.0], [5.0, -2.0]])
    distances = distance_in_front(points, upper, lower)
    assert distances == pytest.approx([2, -4, 0])


def test_projection_ignores_the_length_of_the_direction():
    vector = np.array([3.0, 4.0])
    assert distance_along(vector, RIGHT) == pytest.approx(3)
    assert distance_along(vector, -5 * DOWN) == pytest.approx(-4)
    assert length(vector) == 5
    assert length_ratio(vector, RIGHT) == pytest.approx(2.5)


def test_without_length_there_is_no_angle():
    nothing = np.zeros(2)
    for value in (
        signed_angle(RIGHT, nothing),
        unsigned_angle(nothing, RIGHT),
        distance_in_front(RIGHT, DOWN, DOWN),
        distance_along(RIGHT, nothing),
        length_ratio(RIGHT, nothing),
    ):
        assert np.isnan(value)


def test_many_vectors_at_once():
    first = np.stack([RIGHT, DOWN, np.zeros(2)])
    angles = signed_angle(first, DOWN)
    assert angles[:2] == pytest.approx([90, 0]) and np.isnan(angles[2])
