# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import numpy as np

from cape_mm.datasets.synthetic.cephalograms.curves import (
    blend,
    ellipse,
    leave,
    smooth,
)

POINTS = np.array([[0.0, 0.0], [2.0, 1.0], [3.0, 4.0], [1.0, 5.0]])


def test_a_curve_passes_through_its_points():
    for closed, length in ((False, 19), (True, 24)):
        curve = smooth(POINTS, closed)
        assert curve.shape == (length, 2)
        np.testing.assert_allclose(curve[:19:6], POINTS, atol=1e-12)


def test_a_point_is_the_extreme_one_between_its_neighbours():
    # The nose: its tip is in front of all else.
    curve = smooth(np.array([[0, 0], [5, 20], [10, 30], [5, 40], [0, 45]]))
    assert curve[:, 0].argmax() == 12


def test_an_arc_ends_where_required():
    arc = ellipse(np.array([1.0, 2.0]), (3.0, 4.0), arc=(0.0, 90.0))
    np.testing.assert_allclose(arc[[0, -1]], [[4, 2], [1, 6]], atol=1e-12)
    turned = ellipse(np.zeros(2), (3.0, 1.0), turn=90.0)
    np.testing.assert_allclose(turned[0], (0, 3), atol=1e-12)


def test_ways_between_points():
    start, end = np.array([0.0, 0.0]), np.array([4.0, 0.0])
    np.testing.assert_allclose(blend(start, end, 0.25), (1, 0))
    # Left of the way to the right is up.
    np.testing.assert_allclose(leave(start, end, 0.5, 3.0), (2, -3))
