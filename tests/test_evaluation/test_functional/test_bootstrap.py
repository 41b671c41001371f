# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import numpy as np
import pytest

from cape_mm.evaluation.functional import bootstrap_interval


def _interval(scores, groups, **options):
    """Interval of one score per pair, (E, Q)."""
    scores = np.asarray(scores, dtype=float)
    counts = np.full(len(scores), scores.shape[1])
    sums = scores.sum(axis=1, keepdims=True)
    ends = bootstrap_interval(sums, counts, np.asarray(groups), **options)
    return ends[:, 0]


def test_equal_scores_leave_no_doubt():
    assert _interval([[0.7]] * 9, [1] * 9) == pytest.approx([0.7, 0.7])


def test_width_is_that_of_independent_episodes():
    scores = np.random.default_rng(1).integers(0, 2, (400, 1))
    low, high = _interval(scores, np.zeros(400), num_samples=4000)
    mean = scores.mean()
    half = 1.96 * np.sqrt(mean * (1 - mean) / 400)
    assert low == pytest.approx(mean - half, abs=0.005)
    assert high == pytest.approx(mean + half, abs=0.005)


def test_equal_pairs_of_an_episode_count_as_one():
    scores = np.random.default_rng(1).random((50, 1))
    one = _interval(scores, np.zeros(50))
    many = _interval(np.repeat(scores, 15, axis=1), np.zeros(50))
    assert many == pytest.approx(one)


def test_categories_are_fixed_unless_they_are_the_unit():
    scores, groups = [[0.0]] * 10 + [[1.0]] * 10, [3] * 10 + [8] * 10
    assert _interval(scores, groups) == pytest.approx([0.5, 0.5])
    wide = _interval(scores, groups, unit='category')
    assert wide == pytest.approx([0, 1])


def test_level_widens_the_interval():
    scores = np.random.default_rng(1).random((50, 1))
    low, high = _interval(scores, np.zeros(50), level=0.5)
    lower, higher = _interval(scores, np.zeros(50), level=0.99)
    assert lower < low < scores.mean() < high < higher


def test_result_depends_on_the_seed_and_on_nothing_else():
    scores, groups = np.random.default_rng(1).random((50, 1)), np.zeros(50)
    np.random.seed(3)
    before = np.random.get_state()[1].copy()
    first = _interval(scores, groups)
    assert (np.random.get_state()[1] == before).all()
    np.random.rand(5)
    assert (_interval(scores, groups) == first).all()
    assert (_interval(scores, groups, seed=1) != first).any()


def test_episodes_without_pairs_weigh_nothing():
    sums, groups = np.array([[2.0], [0.0]]), np.zeros(2)
    ends = bootstrap_interval(sums, np.array([4, 0]), groups)
    assert ends[:, 0] == pytest.approx([0.5, 0.5])
    ends = bootstrap_interval(0 * sums, np.array([0, 0]), groups)
    assert np.isnan(ends).all() and ends.shape == (2, 1)
