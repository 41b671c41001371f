# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import numpy as np
import pytest

from cape_mm.visualization.drawing import (
    LEGEND_HEIGHT,
    draw_errors,
    draw_inset,
    draw_keypoints,
    draw_skeleton,
    draw_texts,
    keypoint_colors,
    legend_bar,
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


def test_uncertain_keypoints_are_hollow():
    canvas, colors = _canvas(), keypoint_colors(3)
    canvas[:] = 200
    mask, hollow = np.array([True] * 3), np.array([False, True, False])
    draw_keypoints(canvas, POINTS, mask, colors, hollow)
    assert (canvas[30, 20] == colors[0]).all()
    assert (canvas[30, 80] == 200).all(), 'the image is seen through it'
    ring = canvas[30, 80:90].astype(int)
    assert (np.abs(ring - colors[1]).max(1) < 30).any()


def _texts_of(points, size=300, texts=None):
    """Where texts of white letters were drawn."""
    canvas = np.full((size, size, 3), 90, np.uint8)
    points = np.array(points, np.float64)
    texts = texts or [str(i) for i in range(len(points))]
    draw_texts(canvas, texts, points, np.ones(len(points), bool))
    return canvas.min(-1) > 180


def test_texts_stand_beside_their_keypoints():
    for x, y in ((150, 150), (2, 2), (298, 150), (150, 298)):
        rows, columns = np.nonzero(_texts_of([[x, y]], texts=['rim']))
        assert len(rows)
        distance = np.hypot(columns - x, rows - y)
        assert 3 < distance.min() < 15
        assert distance.max() < 45


def test_texts_keep_clear_of_each_other_and_of_keypoints():
    points = [[150 + 14 * (i % 4), 150 + 14 * (i // 4)] for i in range(16)]
    alone = sum(
        _texts_of([[150, 150]], texts=[str(i)]).sum() for i in range(16)
    )
    drawn = _texts_of(points)
    assert drawn.sum() > 0.9 * alone, 'hardly any letter is covered'
    covered = sum(drawn[y - 2 : y + 3, x - 2 : x + 3].any() for x, y in points)
    assert covered <= 3


def test_texts_far_outside_are_left_out():
    assert not _texts_of([[1e9, 5], [np.inf, 5]]).any()


def test_the_legend_has_all_entries_in_columns():
    colors = keypoint_colors(10)
    entries = [(f'{i} keypoint', color) for i, color in enumerate(colors)]
    for width, rows in ((1200, 1), (500, 3), (100, 10)):
        bar = legend_bar(entries, width)
        assert bar.shape[1] == width
        assert bar.shape[0] // LEGEND_HEIGHT == rows
        for color in colors:
            assert (bar == color).all(-1).sum() > 30
    bar = legend_bar([('score < 0.3', None)], 200)
    assert tuple(bar[LEGEND_HEIGHT // 2, 14]) == (255, 255, 255)
    assert (bar[LEGEND_HEIGHT // 2, 6:10] < 100).any(), 'a ring'


def test_the_inset_marks_the_view_in_the_corner_without_points():
    image = np.zeros((200, 400, 3), np.uint8)
    view = view_around_box(image, np.array([300, 100, 380, 180]), 240, 1.25)
    canvas = view.image.copy()
    draw_inset(canvas, image, view, np.array([[30, 30], [200, 40], [30, 200]]))
    # scale 60 / 400: 60 x 30 pixels and a rim of 2 in the lower right
    assert tuple(canvas[239, 239]) == (255, 255, 255)
    assert tuple(canvas[206, 176]) == (255, 255, 255)
    assert tuple(canvas[205, 176]) != (255, 255, 255)
    yellow = np.argwhere((canvas == (255, 220, 0)).all(-1))[:, ::-1]
    origin = np.array([178, 208])
    low, high = np.array([290, 390]) * 0.15
    assert abs(yellow[:, 0].min() - origin[0] - low) <= 1.5
    assert abs(yellow[:, 0].max() - origin[0] - high) <= 1.5


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
