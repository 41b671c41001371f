# Copyright (c) cape_mm contributors. All rights reserved.
"""Statistics of simulated predictors, and what they are taken for."""

from __future__ import annotations

import numpy as np
import pytest

from cape_mm.checks.collapse import (
    collapse_level,
    describe_collapse,
    judge_collapse,
)
from cape_mm.datasets.synthetic.cephalograms.face import draw_face
from cape_mm.evaluation.functional import collapse as statistics

SIZE_MM = np.array([192.0, 240.0])


def draw_cephalograms(rng, count):
    """(N, K, 2) landmarks in mm of images, and the pose alone of each."""
    faces = [draw_face(rng) for _ in range(count)]
    codes = sorted(faces[0].points)
    shapes = np.array([[f.points[code] for code in codes] for f in faces])
    posed, pose_only = [], []
    mean = shapes.mean(axis=0)
    for shape in shapes:
        angle = np.radians(rng.uniform(-5, 5))
        turn = [
            [np.cos(angle), -np.sin(angle)],
            [np.sin(angle), np.cos(angle)],
        ]
        scale = rng.uniform(0.9, 1.1)
        place = np.array([80.0, 90.0]) + rng.uniform(-10, 10, 2)
        posed.append(scale * shape @ turn + place)
        pose_only.append(scale * mean @ turn + place)
    return np.array(posed), np.array(pose_only)


def scatter(points, mean_error, rng):
    """Add an isotropic error; its length has a Rayleigh distribution."""
    sigma = mean_error / np.sqrt(np.pi / 2)
    return points + rng.normal(0, sigma, points.shape)


def measure(predicted, truth, shape, scores=0.9):
    valid = np.ones(truth.shape[:2], dtype=bool)
    boxes = np.tile([0, 0, *SIZE_MM], (len(truth), 1))
    return dict(
        spread_ratio=statistics.spread_ratio(predicted, truth, valid),
        corr=statistics.correlation(predicted, truth, valid),
        skill=statistics.skill(predicted, truth, valid, shape),
        spread_in_image=statistics.spread_in_image(predicted, truth, valid),
        merged_pairs=statistics.merged_pairs(predicted, truth, valid, 1, 4),
        edge_share=statistics.edge_share(predicted, valid, boxes),
        mode_share=statistics.mode_share(predicted / SIZE_MM, valid),
        peak=statistics.peak(np.full(valid.shape, scores), valid),
    )


CASES = {
    'error 1.5 mm': (0, None),
    'error 4 mm': (0, None),
    'error 12 mm': (1, 'no_skill'),
    'mean shape': (2, 'image_independent'),
    'mean shape with noise': (2, 'image_independent'),
    'all at one point': (2, 'landmarks_merged'),
    'top left corner': (2, 'at_the_edge'),
    'random': (2, 'image_independent'),
    'dead head': (1, 'dead_head'),
}


@pytest.fixture(params=[20, 50, 100])
def simulate(request):
    rng = np.random.default_rng(request.param)
    shape = draw_cephalograms(rng, 200)[0].mean(axis=0)
    truth, pose_only = draw_cephalograms(rng, request.param)

    def run(name):
        constant = np.broadcast_to(shape, truth.shape)
        scores = 0.05 if name == 'dead head' else 0.9
        predicted = {
            'error 1.5 mm': lambda: scatter(truth, 1.5, rng),
            'error 4 mm': lambda: scatter(truth, 4.0, rng),
            'error 12 mm': lambda: scatter(truth, 12.0, rng),
            'mean shape': lambda: constant,
            'mean shape with noise': lambda: scatter(constant, 4.0, rng),
            'follows the pose only': lambda: pose_only,
            'all at one point': lambda: (
                truth.mean(axis=1, keepdims=True)
                + rng.normal(0, 0.5, truth.shape)
            ),
            'top left corner': lambda: np.full(truth.shape, -1.0),
            'random': lambda: rng.uniform(0, 1, truth.shape) * SIZE_MM,
            'dead head': lambda: truth,
        }[name]()
        return measure(predicted, truth, shape, scores)

    return run


@pytest.mark.parametrize('name', CASES)
def test_simulated_predictors_differ(simulate, name):
    level, fault = CASES[name]
    findings = judge_collapse(simulate(name))
    assert collapse_level(findings) == level, describe_collapse(findings)
    assert next((f.meaning for f in findings), None) == fault


def test_following_the_pose_alone_is_no_collapse(simulate):
    assert (
        collapse_level(judge_collapse(simulate('follows the pose only'))) < 2
    )


def test_noise_on_a_constant_is_found_by_correlation_and_skill(simulate):
    """The spread alone would not be critical."""
    values = simulate('mean shape with noise')
    spread = dict(spread_ratio=values['spread_ratio'])
    assert collapse_level(judge_collapse(spread)) < 2
    off = {key for finding in judge_collapse(values) for key in finding.keys}
    assert {'corr', 'skill'} <= off
