# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cape_mm.datasets.synthetic.stick_figures.figure import (
    draw_body,
    draw_gait,
    project_figure,
)
from cape_mm.datasets.synthetic.stick_figures.scene import (
    Scene,
    draw_scene,
    render_frame,
)

SIZE = 96


def make_figure(x, ground, heading, height=60, seed=0):
    body = draw_body(np.random.default_rng(seed), height)
    gait = draw_gait(np.random.default_rng(seed), 'walk', body.leg, 1)
    return project_figure(
        body,
        replace(gait, shoulder=0 * gait.shoulder + 0.3),
        np.full(1, heading),
        0,
        np.array([float(x), float(ground)]),
        np.array([48.0, 30.0]),
    )


def render(figures, occluders=(), crowds=()):
    background = np.full((SIZE, SIZE, 3), 120, np.uint8)
    scene = Scene(
        background,
        list(figures),
        list(occluders),
        list(crowds),
        np.zeros((1, 2), int),
    )
    return render_frame(scene, 0, SIZE, np.random.default_rng(0))


def rectangle(x1, y1, x2, y2):
    return np.array([[x1, y1], [x2, y1], [x2, y2], [x1, y2]], float)


def test_who_faces_the_camera_shows_nearly_everything():
    frame = render([make_figure(48, 90, 0.2)])
    (person,) = frame.persons
    assert person.visible.sum() >= 13 and person.visible[0]
    assert person.number == 0 and frame.ignore_regions == []


def test_the_nose_is_not_visible_from_behind():
    (person,) = render([make_figure(48, 90, np.pi)]).persons
    assert not person.visible[0] and person.visible[[1, 2, 3, 4]].all()


def test_keypoints_behind_a_nearer_person_or_thing_are_not_visible():
    far, near = make_figure(48, 80, 0.2), make_figure(48, 90, 0.2, 66, 1)
    both = {p.number: p for p in render([far, near]).persons}
    alone = {p.number: p for p in render([far]).persons}
    assert both[1].visible.sum() >= 13
    assert 0 in alone
    hidden = 15 if 0 not in both else 15 - both[0].visible.sum()
    assert hidden > 15 - alone[0].visible.sum() + 4

    wall = (rectangle(0, 60, 96, 95), (0, 0, 0))
    (person,) = render([far], [wall]).persons
    below = person.keypoints_px[:, 1] > 61
    assert below.any() and not person.visible[below].any()
    assert person.visible[[1, 2]].all()
    # what stands further back does not hide
    behind = (rectangle(0, 30, 96, 70), (0, 0, 0))
    (person,) = render([near], [behind]).persons
    assert person.visible.sum() >= 13


def test_keypoints_outside_of_the_image_are_not_visible():
    (person,) = render([make_figure(3, 90, 0.2)]).persons
    outside = person.keypoints_px[:, 0] < -0.5
    assert outside.any() and not person.visible[outside].any()


def test_a_person_with_hardly_a_visible_keypoint_is_to_be_ignored():
    # only the top of the head is above the wall
    wall = (rectangle(0, 36, 96, 95), (0, 0, 0))
    frame = render([make_figure(48, 90, 0.2)], [wall])
    assert frame.persons == []
    (region,) = frame.ignore_regions
    assert region.shape == (4, 2)
    assert region[:, 1].max() <= 38 and 30 < region[:, 0].min() < 48


def test_no_visible_person_gives_no_region():
    frame = render([make_figure(300, 90, 0.2)])
    assert frame.persons == [] and frame.ignore_regions == []


def test_the_head_box_holds_the_head():
    (person,) = render([make_figure(48, 90, 0.2)]).persons
    x1, y1, x2, y2 = person.head_box
    top, bottom = person.keypoints_px[2], person.keypoints_px[1]
    assert x1 < top[0] < x2 and y1 - 1 < top[1] < bottom[1] < y2 + 1
    assert 0.6 < (x2 - x1) / (y2 - y1) < 0.9


def test_the_crowd_is_in_an_ignore_region_and_not_annotated():
    found = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        scene = draw_scene(rng, 3, SIZE)
        frame = render_frame(scene, 0, SIZE, rng)
        if scene.crowds:
            found += 1
            expected = scene.crowds[0] - scene.offsets[0]
            assert np.array_equal(frame.ignore_regions[0], expected)
        assert len(frame.persons) <= len(scene.figures) <= 4
    assert 2 <= found <= 15


@pytest.mark.parametrize('seed', range(4))
def test_scenes_have_people_who_move(seed):
    rng = np.random.default_rng(seed)
    scene = draw_scene(rng, 8, SIZE)
    frames = [render_frame(scene, m, SIZE, rng) for m in range(8)]
    assert sum(len(frame.persons) for frame in frames) > 0
    assert all(frame.image.shape == (SIZE, SIZE, 3) for frame in frames)
    moved = np.ptp(scene.figures[0].keypoints_px, axis=0).max()
    assert moved > 1
