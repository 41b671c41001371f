# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import numpy as np
import pytest
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample

from cape_mm.datasets.formats.posetrack import layout_metainfo
from cape_mm.visualization import TrackVisualizer
from cape_mm.visualization.drawing import track_colors

IMAGE = np.full((100, 160, 3), 90, np.uint8)


@pytest.fixture
def visualizer():
    made = TrackVisualizer()
    made.set_dataset_meta(layout_metainfo('posetrack15'))
    return made


def frame_of(ids, visible=1.0, at=30):
    """Persons side by side, whose keypoints are in a row each."""
    count = len(ids)
    points = np.zeros((count, 15, 2), np.float32)
    points[..., 0] = at + 40 * np.arange(count)[:, None]
    points[..., 1] = np.linspace(20, 80, 15)
    frame = PoseDataSample()
    frame.pred_instances = InstanceData(
        keypoints=points,
        keypoints_visible=np.full((count, 15), visible, np.float32),
        bboxes=np.concatenate(
            [points.min(axis=1) - 10, points.max(axis=1) + 10], axis=-1
        ),
        track_ids=np.array(ids),
    )
    return frame


def has_color(image, color):
    return (image == color).all(axis=-1).any()


def test_a_person_keeps_its_colour_whoever_is_there(visualizer):
    colors = track_colors([7, 2])
    both = visualizer.draw_frame(IMAGE, frame_of([2, 7]))
    alone = visualizer.draw_frame(IMAGE, frame_of([7], at=50))
    assert has_color(both, colors[0]) and has_color(both, colors[1])
    assert has_color(alone, colors[0]) and not has_color(alone, colors[1])
    # at its place: keypoints of the first person are left, of the second right
    assert has_color(both[:, 55:], colors[0])
    assert not has_color(both[:, 55:], colors[1])


def test_the_image_is_not_changed(visualizer):
    image = IMAGE.copy()
    canvas = visualizer.draw_frame(image[..., ::-1], frame_of([0]))
    assert (image == IMAGE).all() and (canvas != IMAGE).any()


def test_keypoints_below_the_threshold_are_not_drawn(visualizer):
    frame = frame_of([0], visible=0.2)
    assert (visualizer.draw_frame(IMAGE, frame, kpt_thr=0.3) == IMAGE).all()
    assert (visualizer.draw_frame(IMAGE, frame, kpt_thr=0.1) != IMAGE).any()
    frame.pred_instances.keypoints[:] = np.nan
    assert (visualizer.draw_frame(IMAGE, frame, kpt_thr=0.1) == IMAGE).all()


def test_keypoints_of_low_score_are_not_drawn_on_demand(visualizer):
    frame = frame_of([0])
    frame.pred_instances.keypoint_scores = np.full((1, 15), 0.2, np.float32)
    frame.pred_instances.keypoint_scores[0, -1] = 0.6
    before = frame.pred_instances.keypoints.copy()

    def draw(least):
        return visualizer.draw_frame(IMAGE, frame, kpt_score_thr=least)

    assert (draw(0.0) == draw(0.1)).all() and (draw(0.1) != IMAGE).any()
    # the last keypoint is at the lower end
    one = (draw(0.5) != IMAGE).any(axis=(1, 2))
    assert one[80] and not one[:55].any()
    assert (draw(0.7) == IMAGE).all()
    assert (frame.pred_instances.keypoints == before).all()


def test_no_person_and_persons_without_identity(visualizer):
    assert (visualizer.draw_frame(IMAGE, frame_of([])) == IMAGE).all()
    frame = frame_of([3])
    del frame.pred_instances.track_ids
    grey = track_colors([-1])[0]
    assert has_color(visualizer.draw_frame(IMAGE, frame), grey)


def test_boxes_are_drawn_on_demand(visualizer):
    plain = visualizer.draw_frame(IMAGE, frame_of([1]))
    boxed = visualizer.draw_frame(IMAGE, frame_of([1]), draw_bbox=True)
    assert (plain[60, 20] == IMAGE[0, 0]).all()
    assert (boxed[60, 20] == track_colors([1])[0]).all()


def test_it_serves_where_mmpose_draws(visualizer, tmp_path):
    frame = frame_of([5])
    frame.gt_instances = frame.pred_instances.clone()
    canvas = visualizer.add_datasample(
        'frame', IMAGE, frame, out_file=str(tmp_path / 'frame.png')
    )
    assert canvas.shape == (100, 320, 3) and (tmp_path / 'frame.png').exists()
    assert has_color(canvas[:, :160], track_colors([5])[0])
