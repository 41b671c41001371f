# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import math

import numpy as np
import pytest

from cape_mm.evaluation.functional.statistics import (
    bootstrap_interval,
    classification_rate,
    cohen_kappa,
    defined_mean,
    difference_agreement,
    validation_trend,
)


def test_differences_by_hand():
    found = difference_agreement([1.0, 5.0, 9.0], [0.0, 6.0, 6.0])
    # 1, -1, 3: mean 1, squares of the rest 0, 4, 4
    assert found == pytest.approx(
        dict(N=3, error=5 / 3, bias=1, SD=2, low=1 - 3.92, high=1 + 3.92)
    )


def test_pairs_with_nan_are_left_out():
    nan = float('nan')
    found = difference_agreement([1.0, nan, 4.0], [0.0, 2.0, nan])
    assert found['N'] == 1 and found['error'] == 1
    assert np.isnan(found['SD']) and np.isnan(found['low'])
    found = difference_agreement([nan], [1.0])
    assert found['N'] == 0 and np.isnan(found['error'])


def test_angles_go_round():
    found = difference_agreement([179.0], [-179.0], is_angle=True)
    assert found['error'] == pytest.approx(2)
    assert found['bias'] == pytest.approx(-2)
    assert difference_agreement([179.0], [-179.0])['error'] == 358


def test_rate_of_equal_classes():
    assert classification_rate([1, 2, 3, 1], [1, 2, 1, 1]) == 75
    assert np.isnan(classification_rate([], []))


def test_kappa_by_hand():
    # observed 0.7; by chance 0.5 * 0.6 + 0.5 * 0.4 = 0.5
    truth = np.repeat([1, 2], 5)
    predicted = np.array([1, 1, 1, 1, 2, 2, 2, 2, 1, 1])
    assert cohen_kappa(predicted, truth) == pytest.approx(0.4)


def test_kappa_of_a_constant_predictor_is_zero():
    assert cohen_kappa([1] * 4, [1, 1, 1, 2]) == pytest.approx(0)
    assert cohen_kappa([1, 2, 0], [1, 2, 0]) == pytest.approx(1)


def test_kappa_is_undefined_without_a_choice():
    assert np.isnan(cohen_kappa([1, 1], [1, 1]))
    assert np.isnan(cohen_kappa([], []))


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


def test_monotone_series_have_tau_one():
    assert validation_trend([1, 2, 3, 4], 'greater').tau == 1
    assert validation_trend([4, 3, 2, 1], 'less').tau == 1
    assert validation_trend([1, 2, 3, 4], 'less').tau == -1


def test_noise_has_no_clear_trend():
    trend = validation_trend([2, 5, 1, 4, 3], 'greater')
    assert abs(trend.tau) < 0.3


def test_only_the_last_values_make_the_trend():
    trend = validation_trend([9, 8, 7, 1, 2, 3], 'greater', window=3)
    assert trend.tau == 1
    assert (trend.best, trend.best_index) == (9, 0)


@pytest.mark.parametrize('values', [[1.0], [1.0, 2.0]])
def test_short_series_have_no_trend(values):
    assert math.isnan(validation_trend(values, 'less').tau)


def test_equal_values_are_no_trend():
    trend = validation_trend([1, 1, 1], 'less')
    assert (trend.tau, trend.drop, trend.stale) == (0, 0, 2)


@pytest.mark.parametrize(
    'values, rule, drop',
    [
        ([2.0, 1.0, 1.3], 'less', 0.3),
        ([0.5, 0.8, 0.7], 'greater', 0.125),
        ([0.5, 0.8, 0.9], 'greater', 0.0),
        ([1.0, float('nan')], 'less', math.inf),
    ],
)
def test_drop_is_relative_to_the_best(values, rule, drop):
    assert validation_trend(values, rule).drop == pytest.approx(drop)


def test_small_gains_add_up_until_they_count():
    values = [0.5, 0.54, 0.58, 0.61]
    assert validation_trend(values, 'greater', min_delta=0.1).stale == 0
    assert validation_trend(values[:3], 'greater', min_delta=0.1).stale == 2


def test_a_plateau_is_counted():
    values = [3.0, 2.0, 2.0, 2.1, 2.0]
    assert validation_trend(values, 'less').stale == 3


def test_what_makes_no_sense_is_refused():
    with pytest.raises(ValueError, match='rule'):
        validation_trend([1], 'more')
    with pytest.raises(ValueError, match='no validation'):
        validation_trend([], 'less')


def test_tau_is_that_of_scipy_also_with_ties_and_infinite_values():
    stats = pytest.importorskip('scipy.stats')
    rng = np.random.default_rng(0)
    for size in (3, 5, 9):
        for _ in range(20):
            values = rng.integers(0, 6, size).astype(float)
            values[values == 5] = -np.inf
            expected = stats.kendalltau(np.arange(size), values)[0]
            found = validation_trend(values, 'greater', window=size).tau
            if (values == values[0]).all():
                expected = 0
            assert found == pytest.approx(expected)


def test_the_defined_mean_leaves_nan_out():
    assert defined_mean([1.0, math.nan, 4.0]) == 2.5
    assert math.isnan(defined_mean([math.nan]))
    assert math.isnan(defined_mean([]))
