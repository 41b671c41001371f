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
        (
            (15.9, 0),
            (1, 1, 1),
            'snail (7)    PCK@0.2: 100.0 %    hi',
        ),
        (
            (16.1, 0),
            (1, 1, 1),
            'snail (7)    PCK@0.2: 0.0 %    hi',
        ),
        (
            (0, 0),
            (0, 0, 0),
            'snail (7)    PCK@0.2: no common keypoint    hi',
        ),
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
    start, _, end = words.rpartition('    ')
    assert f'{start}    mean score: 1.00    {end}' in texts


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


def _legend_of(image):
    return image.shape[0] - (TOP + SIZE + GAP)


def _score(episode, *scores):
    episode.queries[0].pred_instances.keypoint_scores = np.array([scores])
    return episode


def test_uncertain_keypoints_are_hollow_and_without_skeleton(make_episode):
    visualizer = EpisodeVisualizer(
        panel_size=SIZE, score_thr=0.5, show_errors=False
    )
    episode = _score(make_episode(shift=(8, 0)), 0.9, 0.4, 0.6)
    image = visualizer.draw_episode(episode)
    legend = _legend_of(image)
    assert legend > 0, 'what is hollow is explained'
    _, truth, prediction = _panels(image[:-legend])
    assert _has(truth, PANEL_POINTS[1], COLORS[1])
    places = PANEL_POINTS + (16, 0)
    assert _has(prediction, places[0], COLORS[0])
    assert _has(prediction, places[1], (40, 40, 40))
    middle = (places[0] + places[1]) // 2
    assert not _has(prediction, middle, (240, 240, 240)), 'no edge'
    image = visualizer.draw_episode(_score(episode, 0.9, 0.5, 0.6))
    assert _legend_of(image) == 0


@pytest.mark.parametrize(
    'labels, names, expected',
    [
        ('none', 'abc', []),
        ('names', 'abc', ['a', 'b', 'c']),
        ('numbers', 'abc', ['0', '1', '2']),
        ('auto', 'abc', ['a', 'b', 'c']),
        ('auto', ['a', 'b', 'a very long name'], ['0', '1', '2']),
    ],
)
def test_names_or_numbers_stand_beside_keypoints(
    labels, names, expected, make_episode, monkeypatch
):
    drawn = []
    monkeypatch.setattr(
        'cape_mm.visualization.episode_visualizer.draw_texts',
        lambda canvas, texts, points, mask: drawn.append(texts),
    )
    visualizer = EpisodeVisualizer(panel_size=SIZE, labels=labels)
    episode = make_episode()
    episode.set_metainfo(dict(keypoint_names=list(names)))
    image = visualizer.draw_episode(episode)
    assert drawn == ([expected] * 2 if expected else []), 'not on the truth'
    assert (_legend_of(image) > 0) == (expected == ['0', '1', '2'])


def test_many_keypoints_have_no_text(make_episode):
    visualizer = EpisodeVisualizer(labels='numbers')
    episode = make_episode()
    episode.set_metainfo(dict(keypoint_names=['a'] * 71))
    assert visualizer._label(episode) == ([], [])


def test_labels_are_checked():
    with pytest.raises(ValueError, match="labels is 'all'"):
        EpisodeVisualizer(labels='all')


def _far(make_episode):
    """The whole image of 120 x 200 is the box of the query."""
    episode = make_episode(shift=(0, 0))
    query = episode.queries[0]
    query.gt_instances.bboxes = np.array([[0.0, 0, 199, 119]])
    del query.gt_instances.keypoints
    return episode


def test_a_small_object_is_enlarged(make_episode):
    episode = _score(_far(make_episode), 0.9, 0.9, 0.9)
    images = {}
    for focus in (False, True):
        visualizer = EpisodeVisualizer(panel_size=SIZE, focus=focus)
        _, images[focus] = _panels(visualizer.draw_episode(episode), 2)
    spread = {}
    for focus, panel in images.items():
        is_red = np.abs(panel.astype(int) - COLORS[0]).max(-1) < 30
        is_green = np.abs(panel.astype(int) - COLORS[1]).max(-1) < 30
        ends = [np.argwhere(mask).mean(0) for mask in (is_red, is_green)]
        spread[focus] = np.linalg.norm(np.subtract(*ends))
    assert spread[False] == pytest.approx(60 * SIZE / 250, abs=1)
    # 60 pixels and a rim of 9 on each side, by the margin of 1.25
    assert spread[True] == pytest.approx(60 * SIZE / 98, abs=1)
    assert (images[True] == (255, 220, 0)).all(-1).any(), 'an inset'


def test_an_object_that_fills_its_box_is_not_enlarged(make_episode):
    episode = _score(make_episode(shift=(0, 0)), 0.9, 0.9, 0.9)
    images = [
        EpisodeVisualizer(panel_size=SIZE, focus=focus).draw_episode(episode)
        for focus in (False, True)
    ]
    np.testing.assert_array_equal(*images)


@pytest.mark.parametrize(
    'side, expected', [(80, 384), (400, 500), (2000, 640)]
)
def test_panels_adapt_to_the_image(side, expected, make_episode):
    episode = make_episode()
    for member in (*episode.supports, *episode.queries):
        member.gt_instances.bboxes = np.array([[0.0, 0, side, side / 2]])
    image = EpisodeVisualizer(panel_size=None).draw_episode(episode)
    assert image.shape[0] == TOP + expected + GAP
