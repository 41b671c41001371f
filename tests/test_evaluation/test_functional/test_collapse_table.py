# Copyright (c) cape_mm contributors. All rights reserved.
"""Values of the statistics for predictors, good and collapsed."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest

from cape_mm.datasets.synthetic.cephalograms.face import draw_face
from cape_mm.evaluation.functional.collapse import (
    correlation,
    edge_share,
    mean_shape,
    merged_pairs,
    mode_share,
    skill,
    spread_in_image,
    spread_ratio,
)

# millimetres
WIDTH, HEIGHT = 192.0, 240.0
# mean of a radial error / standard deviation along an axis
RADIAL = np.sqrt(np.pi / 2)


@lru_cache(maxsize=None)
def draw_cephalograms(count, seed):
    cephalograms = []
    for index in range(count):
        rng = np.random.default_rng([seed, index])
        face = np.stack(list(draw_face(rng).points.values()))
        angle, size = np.radians(rng.uniform(-3, 3)), rng.uniform(0.95, 1.05)
        sine, cosine = np.sin(angle), np.cos(angle)
        turn = size * np.array([[cosine, sine], [-sine, cosine]])
        place = [WIDTH / 2, HEIGHT / 2] + rng.uniform(-8.5, 8.5, 2)
        cephalograms.append((face - [20.0, 45.0]) @ turn + place)
    return np.array(cephalograms)


@lru_cache(maxsize=None)
def train_shape():
    cephalograms = draw_cephalograms(200, 0)
    return mean_shape(
        cephalograms, np.ones(cephalograms.shape[:2], dtype=bool)
    )


def follow_pose(truth):
    """The mean shape, moved, turned and scaled as each image needs it."""
    shape = (train_shape() - train_shape().mean(axis=0)) @ [1, 1j]
    center = truth.mean(axis=1, keepdims=True)
    fit = ((truth - center) @ [1, 1j]) @ shape.conj() / np.vdot(shape, shape)
    fitted = fit[:, None] * shape
    return np.stack([fitted.real, fitted.imag], axis=-1) + center


def predict(case, truth, rng):
    def noise(mean_error):
        return rng.normal(0, mean_error / RADIAL, truth.shape)

    if case.startswith('error'):
        return truth + noise(float(case.split()[1]))
    return {
        'mean shape': lambda: train_shape() + noise(0.3),
        'mean shape, noise': lambda: train_shape() + noise(4),
        'pose': lambda: follow_pose(truth),
        'one point': lambda: np.array([96.0, 120.0]) + noise(0.5),
        'one point per cephalogram': lambda: (
            truth.mean(axis=1, keepdims=True) + noise(0.5)
        ),
        'top left': lambda: np.full(truth.shape, -1.0),
        'random': lambda: rng.uniform(0, 1, truth.shape) * [WIDTH, HEIGHT],
    }[case]()


# Case -> statistic -> lowest and highest value for any number of cephalograms.
TABLE = {
    'error 1.5': dict(
        skill=(0.80, 0.88), spread_ratio=(0.95, 1.06), corr=(0.97, 1)
    ),
    'error 4': dict(
        skill=(0.5, 0.65), spread_ratio=(1.03, 1.2), corr=(0.87, 0.96)
    ),
    'error 10': dict(
        skill=(-0.35, 0.1), spread_ratio=(1.35, 1.75), corr=(0.55, 0.76)
    ),
    'mean shape': dict(
        skill=(-0.03, 0.03),
        spread_ratio=(0.01, 0.08),
        corr=(-0.15, 0.15),
        mode_share=(0.9, 1),
    ),
    'mean shape, noise': dict(
        skill=(-0.3, -0.01), spread_ratio=(0.35, 0.6), corr=(-0.15, 0.15)
    ),
    'pose': dict(skill=(0.35, 0.7), spread_ratio=(0.8, 1), corr=(0.75, 0.97)),
    'one point': dict(
        spread_in_image=(0, 0.05), merged_pairs=(0.7, 0.85), corr=(-0.2, 0.2)
    ),
    'one point per cephalogram': dict(
        spread_in_image=(0, 0.05), merged_pairs=(0.7, 0.85), corr=(0.7, 0.95)
    ),
    'top left': dict(
        edge_share=(1, 1), spread_in_image=(0, 0), spread_ratio=(0, 0)
    ),
    'random': dict(
        skill=(-20, -3),
        spread_ratio=(6, 12),
        corr=(-0.15, 0.15),
        spread_in_image=(1.6, 2),
    ),
}


@pytest.mark.parametrize('count', [20, 50, 100])
@pytest.mark.parametrize('case', TABLE)
def test_statistics_of_a_predictor(case, count):
    truth = draw_cephalograms(100, 1)[:count]
    predicted = predict(case, truth, np.random.default_rng(7))
    valid = np.ones(truth.shape[:2], dtype=bool)
    boxes = np.tile([0.0, 0.0, WIDTH, HEIGHT], (count, 1))
    found = dict(
        skill=skill(predicted, truth, valid, train_shape()),
        spread_ratio=spread_ratio(predicted, truth, valid),
        corr=correlation(predicted, truth, valid),
        spread_in_image=spread_in_image(predicted, truth, valid),
        merged_pairs=merged_pairs(predicted, truth, valid, 1, 4),
        edge_share=edge_share(predicted, valid, boxes),
        mode_share=mode_share(predicted / HEIGHT, valid),
    )
    for name, (low, high) in TABLE[case].items():
        assert low - 1e-9 <= found[name] <= high + 1e-9, (name, found)
    if 'merged_pairs' not in TABLE[case] and case != 'top left':
        assert found['merged_pairs'] < 0.01
    if case != 'top left':
        assert found['edge_share'] < 0.06


def test_a_constant_shape_errs_as_far_as_the_population_varies():
    truth = draw_cephalograms(100, 1)
    error = np.linalg.norm(train_shape() - truth, axis=-1).mean()
    assert 8.5 < error < 10.5
