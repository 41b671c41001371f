# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import cv2
import numpy as np

from cape_mm.datasets.synthetic.cephalograms.face import draw_face
from cape_mm.datasets.synthetic.cephalograms.head import (
    _Tracer,
    draw_head,
    find_places,
    smooth,
)

SOFT = ("N'", 'Prn', 'Sn', 'UL', 'LL', "Pog'")


def test_landmarks_are_inside_of_the_skin_or_on_it():
    for seed in range(30):
        rng = np.random.default_rng(seed)
        face = draw_face(rng)
        skin = draw_head(face.points, rng, ())[0]
        contour = skin.outline.astype(np.float32)[:, None]
        for code, (x, y) in face.points.items():
            depth = cv2.pointPolygonTest(contour, (float(x), float(y)), True)
            if code in SOFT:
                assert abs(depth) < 0.01, code
            else:
                assert depth > 1.0, (seed, code)


KNOTS = np.array([[0.0, 0.0], [2.0, 1.0], [3.0, 4.0], [1.0, 5.0]])


def test_a_curve_passes_through_its_points():
    for knots in (KNOTS, np.concatenate([KNOTS, KNOTS[:1]])):
        curve = smooth(knots)
        assert curve.shape == (6 * len(knots) - 5, 2)
        np.testing.assert_allclose(curve[::6], knots, atol=1e-12)


def test_a_point_is_the_extreme_one_between_its_neighbours():
    # The nose: its tip is in front of all else.
    curve = smooth(np.array([[0, 0], [5, 20], [10, 30], [5, 40], [0, 45]]))
    assert curve[:, 0].argmax() == 12


def test_places_of_a_contour_are_relative_to_their_frames():
    rng = np.random.default_rng(0)
    p = draw_face(rng).points
    tracer = _Tracer(find_places(p), rng)
    contour = tracer.trace('Go -10,0 Me N 0,10 Go>Me .5,0 .5,4')
    behind, menton, below, half, beside = contour
    assert 8.5 <= p['Go'][0] - behind[0] <= 11.5
    assert behind[1] == p['Go'][1]
    np.testing.assert_array_equal(menton, p['Me'])
    assert 8.5 <= below[1] - p['N'][1] <= 11.5
    np.testing.assert_allclose(half, (p['Go'] + p['Me']) / 2)
    # Left of the way to the front is up.
    assert 3.4 <= np.linalg.norm(beside - half) <= 4.6
    assert beside[1] < half[1]
    np.testing.assert_array_equal(tracer.trace('Go -10,0'), [behind])
