# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import numpy as np
import pytest

from cape_mm.datasets.formats.posetrack.keypoints import (
    POSETRACK15_KEYPOINTS,
)
from cape_mm.datasets.synthetic.stick_figures.figure import (
    ACTIVITIES,
    draw_body,
    draw_gait,
    place_keypoints,
    project_figure,
    turn_keypoints,
)

BODY = draw_body(np.random.default_rng(0), 80)


def keypoints_of(activity, seed=0, num_frames=60):
    rng = np.random.default_rng(seed)
    gait = draw_gait(rng, activity, BODY.leg, num_frames)
    return gait, place_keypoints(BODY, gait)


def column(keypoints, name):
    return keypoints[:, POSETRACK15_KEYPOINTS.index(name)]


@pytest.mark.parametrize('activity', ACTIVITIES)
@pytest.mark.parametrize('seed', range(3))
def test_limbs_keep_their_lengths(activity, seed):
    _, keypoints = keypoints_of(activity, seed)
    for start, end, length in (
        ('head_bottom', 'head_top', BODY.head),
        ('left_shoulder', 'left_elbow', BODY.upper_arm),
        ('right_elbow', 'right_wrist', BODY.forearm),
        ('left_hip', 'left_knee', BODY.thigh),
        ('right_knee', 'right_ankle', BODY.shin),
    ):
        found = np.linalg.norm(
            column(keypoints, start) - column(keypoints, end), axis=1
        )
        assert np.allclose(found, length)


@pytest.mark.parametrize('activity', ACTIVITIES)
def test_the_lower_foot_is_on_the_ground_and_knees_bend_backwards(activity):
    gait, keypoints = keypoints_of(activity)
    feet = keypoints[:, 13:15, 1]
    assert np.allclose(feet.min(axis=1), 0.02)
    assert (gait.knee >= 0).all() and (gait.elbow >= 0).all()
    for side in ('left', 'right'):
        hip, knee, ankle = (
            column(keypoints, f'{side}_{name}')
            for name in ('hip', 'knee', 'ankle')
        )
        thigh, shin = knee - hip, ankle - knee
        angles = [np.arctan2(v[:, 0], -v[:, 1]) for v in (thigh, shin)]
        assert (angles[0] - angles[1] >= -1e-9).all()


@pytest.mark.parametrize('seed', range(5))
def test_legs_alternate_and_arms_swing_against_them(seed):
    _, keypoints = keypoints_of('walk', seed)
    legs = column(keypoints, 'left_knee') - column(keypoints, 'right_knee')
    arms = column(keypoints, 'left_elbow') - column(keypoints, 'right_elbow')
    assert legs[:, 0].min() < -0.05 and legs[:, 0].max() > 0.05
    assert np.corrcoef(legs[:, 0], arms[:, 0])[0, 1] < -0.95


@pytest.mark.parametrize('seed', range(5))
def test_the_standing_foot_hardly_slides(seed):
    gait, keypoints = keypoints_of('walk', seed)
    feet = keypoints[:, 13:15, 0] + np.cumsum(gait.speed)[:, None]
    lower = keypoints[:, 13:15, 1].argmin(axis=1)
    rows = np.arange(len(lower) - 1)
    same = lower[1:] == lower[:-1]
    slide = (feet[rows + 1, lower[1:]] - feet[rows, lower[1:]])[same]
    assert np.abs(slide).mean() < 0.15 * gait.speed[0]


def test_left_is_where_it_belongs():
    keypoints = np.zeros((1, 15, 3))
    keypoints[:, 3, 2], keypoints[:, 4, 2] = 0.1, -0.1
    keypoints[:, 0, 0] = 0.1
    # towards the camera: the left shoulder is on the right of the image
    right, _, towards = turn_keypoints(keypoints, np.zeros(1))
    assert right[0, 3] > right[0, 4] and towards[0, 0] > 0
    # away from it: on the left, and the nose is behind
    right, _, towards = turn_keypoints(keypoints, np.full(1, np.pi))
    assert right[0, 3] < right[0, 4] and towards[0, 0] < 0
    # heading to the right of the image: the left shoulder is the far one
    right, _, towards = turn_keypoints(keypoints, np.full(1, np.pi / 2))
    assert towards[0, 3] < towards[0, 4] and right[0, 0] > 0


def test_a_walk_goes_through_its_place_at_its_moment():
    rng = np.random.default_rng(0)
    gait = draw_gait(rng, 'walk', BODY.leg, 20)
    figure = project_figure(
        BODY,
        gait,
        np.full(20, np.pi / 2),
        8,
        np.array([70.0, 110.0]),
        np.array([64.0, 40.0]),
    )
    hips = figure.keypoints_px[:, 9:11].mean(axis=1)
    assert hips[8, 0] == pytest.approx(70, abs=0.01)
    assert (np.diff(hips[:, 0]) > 0).all()
    assert np.allclose(figure.ground_px, 110)
    assert np.allclose(figure.scale, 80)


def test_who_comes_nearer_grows_and_sinks_in_the_image():
    gait = draw_gait(np.random.default_rng(1), 'walk', BODY.leg, 20)
    figure = project_figure(
        BODY,
        gait,
        np.zeros(20),
        0,
        np.array([70.0, 90.0]),
        np.array([64.0, 40.0]),
    )
    assert (np.diff(figure.scale) > 0).all()
    assert (np.diff(figure.ground_px) > 0).all()
    assert np.allclose(figure.facing, 1)
