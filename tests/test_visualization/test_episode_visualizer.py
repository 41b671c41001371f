# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import cv2
import numpy as np
import pytest

from cape_mm.visualization import EpisodeVisualizer, drawing
from cape_mm.visualization.drawing import (
    CAPTION_HEIGHT,
    GAP,
    TITLE_HEIGHT,
    keypoint_colors,
)

SIZE = 200
TOP = TITLE_HEIGHT + CAPTION_HEIGHT
COLORS = keypoint_colors(3)
# the box is 80 x 80 at (50, 20): a panel views 100 x 100 from (40, 10)
PANEL_POINTS = np.array([[40, 40], [160, 40], [100, 160]])


@pytest.fixture
def visualizer():
    return EpisodeVisualizer(panel_size=SIZE)


def _panels(image, count=3):
    assert image.shape == (TOP + SIZE + GAP, count * (SIZE + GAP) + GAP, 3)
    starts = [GAP + i * (SIZE + GAP) for i in range(count)]
    return [image[TOP : TOP + SIZE, x : x + SIZE] for x in starts]


def _has(panel, point, color):
    x, y = (int(value) for value in point)
    return np.abs(panel[y, x].astype(int) - color).max() < 30


def test_three_panels_show_the_points_in_the_same_colours(
    visualizer, make_episode
):
    image = visualizer.draw_episode(make_episode(shift=(8, 0)), title='hi')
    support, truth, prediction = _panels(image)
    for point, color in zip(PANEL_POINTS, COLORS):
        assert _has(support, point, color)
        assert _has(truth, point, color)
        assert _has(prediction, point + (16, 0), color)
        assert not _has(prediction, point, color)
    assert (image[: TOP // 2] < 128).any(), 'no title'


def test_unlabelled_keypoints_are_not_drawn(visualizer, make_episode):
    episode = make_episode(
        support_visible=(1, 0, 1), query_visible=(0, 1, 1), shift=(8, 0)
    )
    support, truth, prediction = _panels(visualizer.draw_episode(episode))
    assert not _has(support, PANEL_POINTS[1], COLORS[1])
    assert not _has(truth, PANEL_POINTS[0], COLORS[0])
    # not labelled in the support
    assert not _has(prediction, PANEL_POINTS[1] + (16, 0), COLORS[1])
    # labelled in the support alone
    assert _has(prediction, PANEL_POINTS[0] + (16, 0), COLORS[0])


def test_red_line_leads_to_the_ground_truth(make_episode):
    episode = make_episode(shift=(30, 0))
    x, y = PANEL_POINTS[2] + (30, 0)
    for show_errors in (True, False):
        visualizer = EpisodeVisualizer(
            panel_size=SIZE, show_errors=show_errors
        )
        panel = _panels(visualizer.draw_episode(episode))[2]
        red, green, _ = panel[y, x].astype(int)
        assert (red - green > 60) == show_errors


def test_without_ground_truth_there_are_two_panels(visualizer, make_episode):
    episode = make_episode(shift=(8, 0))
    del episode.queries[0].gt_instances.keypoints
    _, prediction = _panels(visualizer.draw_episode(episode), 2)
    assert _has(prediction, PANEL_POINTS[0] + (16, 0), COLORS[0])


def test_several_supports_share_the_first_panel(visualizer, make_episode):
    support = _panels(visualizer.draw_episode(make_episode(shots=3)))[0]
    half = SIZE // 2
    for corner in ((0, 0), (half, 0), (0, half)):
        assert _has(support, PANEL_POINTS[0] / 2 + corner, COLORS[0])
    assert (support[half:, half:] == 255).all()


def test_infinite_prediction_is_not_drawn(visualizer, make_episode):
    episode = make_episode()
    episode.queries[0].pred_instances.keypoints[0, 1] = np.nan
    visualizer.draw_episode(episode)


@pytest.mark.parametrize(
    'shift, visible, words',
    [
        ((15.9, 0), (1, 1, 1), 'snail (7)    PCK@0.2: 100.0 %    hi'),
        ((16.1, 0), (1, 1, 1), 'snail (7)    PCK@0.2: 0.0 %    hi'),
        ((0, 0), (0, 0, 0), 'snail (7)    PCK@0.2: no common keypoint    hi'),
    ],
)
def test_title_names_category_and_score(
    shift, visible, words, visualizer, make_episode, monkeypatch
):
    texts = []

    def text_bar(text, width, height, color=None):
        texts.append(text)
        return np.full((height, width, 3), 255, np.uint8)

    monkeypatch.setattr(drawing, 'text_bar', text_bar)
    visualizer.draw_episode(
        make_episode(shift=shift, query_visible=visible), title='hi'
    )
    assert words in texts


def test_image_is_written(visualizer, make_episode, tmp_path):
    file = tmp_path / 'new' / 'image.png'
    image = visualizer.add_episode('x', make_episode(), out_file=str(file))
    np.testing.assert_array_equal(cv2.imread(str(file))[..., ::-1], image)


def test_image_goes_to_the_backends(make_episode, tmp_path):
    visualizer = EpisodeVisualizer(
        vis_backends=[dict(type='LocalVisBackend')], save_dir=str(tmp_path)
    )
    visualizer.add_episode('snail', make_episode(), step=3)
    assert list(tmp_path.rglob('snail_3.png'))
