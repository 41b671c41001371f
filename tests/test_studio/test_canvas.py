# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from cape_mm.apis.inputs.images import ImageLoader
from cape_mm.errors import DataError
from cape_mm.studio import labels as actions
from cape_mm.studio.canvas import (
    draw_labels,
    make_view,
    read_pixels,
    score_colors,
)
from cape_mm.studio.editor import Cursor

POINTS = [(10, 20), (30, 40), (50, 5)]
SIZES = [(300, 200), (40, 400), (4000, 3000), (3001, 4001)]


@pytest.mark.parametrize('width, height', SIZES)
@pytest.mark.parametrize('zoom', [None, (20.0, 30.0), (39.0, 199.0)])
def test_a_pixel_of_the_view_is_within_one_of_the_image(width, height, zoom):
    image = np.zeros((height, width, 3), np.uint8)
    view = make_view(image, Cursor('a.jpg', zoom=zoom))
    corners = np.array([[0, 0], [width - 1, height - 1], [17, 33]], float)
    # what is clicked is rounded to a pixel of the view
    clicked = view.to_panel(corners).round()
    assert np.abs(view.to_original(clicked) - corners).max() <= 1.0
    assert max(view.image.shape[:2]) <= 2400


def test_a_dot_is_where_its_keypoint_is_drawn(project):
    image = np.zeros((60, 80, 3), np.uint8)
    image[40, 30] = 255
    view = make_view(image, Cursor('a.jpg'))
    ys, xs = np.nonzero(view.image[..., 0] > 200)
    project.do(actions.place_keypoint, 'a.jpg', 0, 30, 40)
    empty = make_view(image * 0, Cursor('a.jpg'))
    drawn = draw_labels(empty, project.labels, Cursor('a.jpg'))
    blue = np.nonzero((drawn == (0, 175, 255)).all(-1))
    np.testing.assert_allclose(
        np.mean(blue, 1), [ys.mean(), xs.mean()], atol=1
    )


@pytest.mark.parametrize('orientation', [1, 3, 6, 8])
def test_an_image_is_upright_as_for_the_command_line(tmp_path, orientation):
    pixels = np.random.default_rng(0).integers(0, 255, (30, 50, 3), np.uint8)
    exif = Image.Exif()
    exif[274] = orientation
    path = tmp_path / 'a.jpg'
    Image.fromarray(pixels).save(path, exif=exif)
    loader = ImageLoader([dict(type='LoadImage')])
    np.testing.assert_array_equal(
        read_pixels(path), loader.read(path)[..., ::-1]
    )
    is_turned = orientation in (6, 8)
    assert read_pixels(path).shape == (
        (50, 30, 3) if is_turned else (30, 50, 3)
    )


def test_a_broken_or_missing_image_is_named(tmp_path):
    (tmp_path / 'a.jpg').write_bytes(b'no image')
    with pytest.raises(DataError, match='cannot be read as an image'):
        read_pixels(tmp_path / 'a.jpg')
    with pytest.raises(FileNotFoundError, match=r'no image .*b\.jpg'):
        read_pixels(tmp_path / 'b.jpg')


def test_scores_are_colours_and_uncertain_keypoints_hollow(project):
    project.do(actions.set_prediction, 'a.jpg', POINTS, [0.9, 0.1, 0.0])
    view = make_view(np.zeros((60, 80, 3), np.uint8), Cursor('a.jpg'))
    drawn = draw_labels(view, project.labels, Cursor('a.jpg'))
    found, uncertain, absent = (
        drawn[tuple(place[::-1].round().astype(int))]
        for place in view.to_panel(np.array(POINTS, float))
    )
    good, bad = score_colors(np.array([0.9, 0.1]))
    np.testing.assert_array_equal(found, good)
    assert not uncertain.any() and not absent.any()
    assert (drawn == bad).all(-1).any()


def test_the_target_a_box_and_its_first_corner_are_drawn(project):
    project.do(actions.place_keypoint, 'a.jpg', 0, 30, 40)
    view = make_view(np.zeros((60, 80, 3), np.uint8), Cursor('a.jpg'))
    plain = draw_labels(view, project.labels, Cursor('a.jpg'))
    marked = draw_labels(view, project.labels, Cursor('a.jpg', target=0))
    corner = Cursor('a.jpg', corner=(5.0, 5.0))
    cross = draw_labels(view, project.labels, corner)
    project.do(actions.set_box, 'a.jpg', [5, 5, 60, 50])
    boxed = draw_labels(view, project.labels, Cursor('a.jpg'))
    images = [plain, marked, cross, boxed]
    assert len({image.tobytes() for image in images}) == 4
