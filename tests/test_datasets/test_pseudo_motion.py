# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import numpy as np

from cape_mm.datasets.pseudo_motion import PseudoMotion, move_matrix


def test_the_still_frame_does_not_move_and_limits_are_kept():
    motion = PseudoMotion(rotation=5, shift=0.02, scale=0.03, shake=0)
    limits = np.array([np.deg2rad(5), 0.02, 0.02, 0.03])
    for seed in range(20):
        moves = motion.draw(5, 2, np.random.default_rng(seed))
        assert (moves[2] == 0).all()
        steps = np.diff(moves, axis=0)
        assert np.allclose(steps, steps[0])
        assert (np.abs(steps) <= limits).all() and np.abs(steps).min() > 0


def test_shake_differs_from_frame_to_frame():
    moves = PseudoMotion(5, 0.02, 0.03, 0.1).draw(
        6, 0, np.random.default_rng(0)
    )
    assert (moves[0] == 0).all()
    assert np.ptp(np.diff(moves, axis=0), axis=0).min() > 0


def test_known_matrices():
    size = (40, 20)
    assert np.allclose(move_matrix(np.zeros(4), size), np.eye(3))
    matrix = move_matrix(np.array([np.pi / 2, 0.1, 0, np.log(2)]), size)
    # the middle moves by a tenth of the width
    assert np.allclose(matrix @ [20, 10, 1], [24, 10, 1])
    # a point to its right comes below it, twice as far
    assert np.allclose(matrix @ [25, 10, 1], [24, 20, 1])
