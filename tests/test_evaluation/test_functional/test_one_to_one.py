# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import itertools

import numpy as np
import pytest

from cape_mm.evaluation.functional import one_to_one


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
def test_nobody_to_pair(shape):
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
