# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import warnings

import numpy as np
import pytest

from cape_mm.evaluation.functional.collapse import (
    correlation,
    edge_share,
    landmark_spread_ratios,
    mean_shape,
    merged_pairs,
    mode_share,
    peak,
    skill,
    spread_in_image,
    spread_ratio,
    to_box,
)


@pytest.fixture(autouse=True)
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        yield


@pytest.fixture
def truth():
    return np.random.default_rng(3).normal(size=(12, 5, 2)) + 4


def all_labelled(points):
    return np.ones(points.shape[:2], dtype=bool)


def all_of(predicted, truth, valid):
    shape = mean_shape(truth, valid)
    boxes = np.tile([-20.0, -20.0, 20.0, 20.0], (len(truth), 1))
    return dict(
        spread_ratio=spread_ratio(predicted, truth, valid),
        corr=correlation(predicted, truth, valid),
        skill=skill(predicted, truth, valid, shape),
        spread_in_image=spread_in_image(predicted, truth, valid),
        merged_pairs=merged_pairs(predicted, truth, valid, 0.01, 0.1),
        edge_share=edge_share(predicted, valid, boxes),
        mode_share=mode_share(predicted, valid),
        peak=peak(np.full(valid.shape, 0.7), valid),
    )


def test_a_perfect_prediction(truth):
    found = all_of(truth, truth, all_labelled(truth))
    assert found.pop('mode_share') < 0.2
    assert found == pytest.approx(
        dict(
            spread_ratio=1,
            corr=1,
            skill=1,
            spread_in_image=1,
            merged_pairs=0,
            edge_share=0,
            peak=0.7,
        )
    )


def test_spread_and_correlation_by_hand():
    # one landmark; the truth moves along x, the prediction twice as far
    truth = np.array([[[0.0, 5.0]], [[2.0, 5.0]], [[4.0, 5.0]]])
    predicted = np.array([[[1.0, 0.0]], [[5.0, 0.0]], [[9.0, 0.0]]])
    valid = all_labelled(truth)
    assert spread_ratio(predicted, truth, valid) == pytest.approx(2)
    assert correlation(predicted, truth, valid) == pytest.approx(1)
    assert correlation(-predicted, truth, valid) == pytest.approx(-1)
    # across it: nothing in common, although it varies as much
    across = truth[..., ::-1]
    assert spread_ratio(across, truth, valid) == pytest.approx(1)
    assert correlation(across, truth, valid) == pytest.approx(0)


def test_skill_by_hand():
    truth = np.array([[[0.0, 0.0]], [[4.0, 0.0]]])
    shape = np.array([[2.0, 0.0]])
    valid = all_labelled(truth)
    assert skill(truth + [0.6, 0.8], truth, valid, shape) == 0.5
    assert skill(truth + [3.0, 4.0], truth, valid, shape) == -1.5
    assert skill(shape[None].repeat(2, 0), truth, valid, shape) == 0


def test_pairs_by_hand():
    truth = np.array([[[0.0, 0.0], [3.0, 4.0], [3.0, 5.0]]])
    predicted = np.array([[[0.0, 0.0], [0.5, 0.0], [0.0, 9.0]]])
    valid = all_labelled(truth)
    distances = np.array([5, np.hypot(3, 5), 1])
    of_predicted = np.array([0.5, 9, np.hypot(0.5, 9)])
    assert spread_in_image(predicted, truth, valid) == pytest.approx(
        of_predicted.sum() / distances.sum()
    )
    # only the first of three pairs is near; the last one is so in truth
    assert merged_pairs(predicted, truth, valid, 1, 4) == pytest.approx(1 / 3)
    near = np.array([[[0.0, 0.0], [30.0, 4.0], [30.0, 4.5]]])
    assert merged_pairs(near, truth, valid, 1, 4) == 0


def test_edges_by_hand():
    boxes = np.array([[100.0, 0.0, 300.0, 100.0]])
    points = np.array(
        [[[100, 50], [101.9, 50], [102.1, 50], [200, 99.5], [-1, -1],
          [200, 50]]], float,
    )  # fmt: skip
    valid = all_labelled(points)
    assert edge_share(points, valid, boxes) == pytest.approx(4 / 6)
    valid[0, 4] = False
    assert edge_share(points, valid, boxes) == pytest.approx(3 / 5)


def test_usual_place_by_hand():
    # distances from the median 0, 0.01, 0.03 and 0.5
    x = np.array([0.3, 0.3, 0.3, 0.31, 0.33, 0.8, 0.3])
    points = np.stack([x, np.full(7, 0.1)], axis=1)[:, None]
    assert mode_share(points, all_labelled(points)) == pytest.approx(5 / 7)
    assert mode_share(
        points, all_labelled(points), radius=0.1
    ) == pytest.approx(6 / 7)


def test_peak_is_the_median_of_what_counts():
    scores = np.array([[0.1, 0.9], [0.2, np.nan]])
    assert peak(scores, np.ones((2, 2), bool)) == pytest.approx(0.2)
    assert peak(scores, np.array([[True, False], [True, True]])) == (
        pytest.approx(0.15)
    )


def test_a_landmark_that_does_not_vary_is_skipped(truth):
    truth[:, 2] = [7.0, 7.1]
    predicted = 2 * truth
    predicted[:, 2] += np.arange(12)[:, None]
    valid = all_labelled(truth)
    ratios = landmark_spread_ratios(predicted, truth, valid)
    assert np.isnan(ratios[2]) and np.isfinite(ratios[[0, 1, 3, 4]]).all()
    assert spread_ratio(predicted, truth, valid) == pytest.approx(2)
    assert correlation(predicted, truth, valid) == pytest.approx(1)


def test_a_constant_prediction_has_no_correlation(truth):
    constant = np.zeros_like(truth) + truth[0] / 3
    # as it comes from a model
    constant = (constant * 713).astype(np.float32).astype(float) / 713
    found = all_of(constant, truth, all_labelled(truth))
    assert found['spread_ratio'] == 0 and found['corr'] == 0
    assert found['mode_share'] == 1


def test_rounding_is_no_variation(truth):
    scales = np.arange(1, 13)[:, None, None] * 97.3
    constant = (0.3371 * scales).astype(np.float32) / scales + 0 * truth
    assert constant.std(axis=0).max() > 0
    assert correlation(constant, truth, all_labelled(truth)) == 0


def test_a_single_image():
    truth = np.random.default_rng(0).normal(size=(1, 5, 2))
    found = all_of(truth + 0.1, truth, all_labelled(truth))
    for key in ('spread_ratio', 'corr', 'skill', 'mode_share'):
        assert np.isnan(found[key]), key
    assert found['spread_in_image'] == pytest.approx(1)


def test_a_single_landmark(truth):
    found = all_of(truth[:, :1], truth[:, :1], all_labelled(truth[:, :1]))
    assert np.isnan(found['spread_in_image'])
    assert np.isnan(found['merged_pairs'])
    assert found['corr'] == pytest.approx(1)


def test_nothing_labelled(truth):
    found = all_of(truth, truth, np.zeros(truth.shape[:2], dtype=bool))
    assert all(np.isnan(value) for value in found.values()), found


def test_what_is_not_labelled_does_not_count(truth):
    valid = np.random.default_rng(5).random(truth.shape[:2]) > 0.3
    predicted = truth + np.random.default_rng(6).normal(size=truth.shape)
    expected = all_of(predicted, truth, valid)
    for points in (predicted, truth):
        points[~valid] = -1e5
    assert all_of(predicted, truth, valid) == pytest.approx(expected)


def test_mean_shape_is_relative_to_the_box():
    points = np.array([[[100.0, 50.0], [300.0, 50.0]], [[10.0, 0], [0, 0]]])
    boxes = np.array([[100.0, 0.0, 300.0, 100.0], [0.0, 0.0, 20.0, 40.0]])
    relative = to_box(points, boxes)
    assert relative.tolist() == [[[0, 0.25], [1, 0.25]], [[0.25, 0], [0, 0]]]
    valid = np.array([[True, False], [True, False]])
    shape = mean_shape(relative, valid)
    assert shape[0].tolist() == [0.125, 0.125]
    assert np.isnan(shape[1]).all()
    # such landmarks do not enter the skill
    assert skill(relative, relative, np.ones((2, 2), bool), shape) == 1
    with pytest.raises(ValueError, match='no area'):
        to_box(points, np.zeros((2, 4)))
