# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import numpy as np
import pytest

from cape_mm.evaluation.functional.statistics import (
    classification_rate,
    cohen_kappa,
    difference_agreement,
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
