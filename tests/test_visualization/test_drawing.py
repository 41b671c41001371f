# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import numpy as np
import pytest

from cape_mm.visualization.drawing import (
    draw_errors,
    draw_keypoints,
    draw_skeleton,
    keypoint_colors,
    text_bar,
    track_colors,
    view_around_box,
)

GREY = (225, 225, 225)


def test_view_is_the_square_around_the_box():
    image = np.zeros((100, 200, 3), np.uint8)
    image[20:60, 50:130] = (10, 200, 30)
    view = view_around_box(image, np.array([50, 20, 130, 60]), 160, 1.25)
    # side 100 around (90, 40): x 40 ... 140, y -10 ... 90
    assert view.image.shape == (160, 160, 3)
    assert view.origin_px == (40, -10)
    assert view.scale == pytest.approx(1.6)
    assert tuple(view.image[80, 80]) == (10, 200, 30)
    assert tuple(view.image[5, 80]) == GREY
    assert tuple(view.image[40, 5]) == (0, 0, 0)


@pytest.mark.parametrize('size', [50, 100, 400])
def test_a_point_stays_on_what_it_marks(size):
    image = np.zeros((100, 200, 3), np.uint8)
    image[48:53, 98:103] = 255
    view = view_around_box(image, np.array([60, 20, 140, 80]), size, 1.25)
    bright = np.argwhere(view.image[..., 0] > 127)[:, ::-1]
    point = view.to_panel(np.array([[100.0, 50.0]]))[0]
    np.testing.assert_allclose(point, bright.mean(0), atol=0.51)


def test_box_outside_the_image_gives_a_grey_view():
    view = view_around_box(
        np.zeros((10, 10, 3), np.uint8), np.array([90, 90, 99, 99]), 32, 1.25
    )
    assert (view.image == GREY[0]).all()


def _canvas():
    return np.zeros((100, 100, 3), np.uint8)


POINTS = np.array([[20.0, 30.0], [80.0, 30.0], [50.0, 70.0]])


def test_only_masked_keypoints_are_drawn_in_their_colour():
    canvas, colors = _canvas(), keypoint_colors(3)
    draw_keypoints(canvas, POINTS, np.array([True, False, True]), colors)
    assert (canvas[30, 20] == colors[0]).all()
    assert (canvas[70, 50] == colors[2]).all()
    assert not canvas[25:36, 75:86].any()


def test_edge_needs_both_ends():
    canvas = _canvas()
    mask = np.array([True, True, False])
    draw_skeleton(canvas, POINTS, mask, [[0, 1], [1, 2]])
    assert canvas[30, 50].min() > 200
    assert not canvas[45:60, 60:75].any()


def test_error_lines_are_red():
    canvas = _canvas()
    draw_errors(canvas, POINTS, POINTS + [0, 20], np.array([True] * 3))
    red, green, blue = canvas[40, 20].astype(int)
    assert red > 200 and green < 80 and blue < 80


def test_points_far_outside_do_no_harm():
    canvas = _canvas()
    far = np.array([[1e9, -1e9], [-1e9, 1e9], [50, 50]])
    mask = np.array([True] * 3)
    draw_skeleton(canvas, far, mask, [[0, 1]])
    draw_keypoints(canvas, far, mask, keypoint_colors(3))
    assert canvas[50, 50].any()


def test_long_text_is_shortened_to_the_width():
    bar = text_bar('a very long name ' * 20, 200, 30)
    assert bar.shape == (30, 200, 3)
    assert (bar[:, -5:] == 255).all()
    assert (bar < 128).any()


@pytest.mark.parametrize('num_keypoints', [1, 17, 106])
def test_each_keypoint_has_a_colour_of_its_own(num_keypoints):
    colors = keypoint_colors(num_keypoints)
    assert len(np.unique(colors, axis=0)) == num_keypoints


def test_a_colour_belongs_to_an_identity():
    colors = track_colors([4, 0, 4, 9])
    assert colors.dtype == np.uint8 and colors.shape == (4, 3)
    assert np.array_equal(colors[0], colors[2])
    assert np.array_equal(track_colors([0])[0], colors[1])
    many = track_colors(range(40))
    assert len({tuple(color) for color in many.tolist()}) == 40
    near = [np.abs(a - b).sum() for a, b in zip(many[:-1] * 1.0, many[1:])]
    assert min(near) > 100


def test_unknown_identities_are_grey():
    assert track_colors([-1]).tolist() == [[160, 160, 160]]
    assert track_colors([]).shape == (0, 3)
