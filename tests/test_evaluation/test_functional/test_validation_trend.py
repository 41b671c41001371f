# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import math

import numpy as np
import pytest

from cape_mm.evaluation.functional.statistics import validation_trend


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
