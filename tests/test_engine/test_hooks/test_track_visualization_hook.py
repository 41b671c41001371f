# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from mmengine.structures import InstanceData
from mmengine.visualization import Visualizer
from mmpose.structures import PoseDataSample

from cape_mm.datasets.formats.posetrack import layout_metainfo
from cape_mm.engine.hooks import TrackVisualizationHook
from cape_mm.visualization import TrackVisualizer


@pytest.fixture(autouse=True)
def visualizer():
    for manager in (Visualizer, TrackVisualizer):
        manager._instance_dict.clear()
    yield TrackVisualizer.get_instance('tracks')
    for manager in (Visualizer, TrackVisualizer):
        manager._instance_dict.clear()


@pytest.fixture
def frames(tmp_path):
    path = str(tmp_path / 'image.png')
    cv2.imwrite(path, np.zeros((40, 60, 3), np.uint8))
    made = []
    for number in range(5):
        frame = PoseDataSample(
            metainfo=dict(
                img_path=path,
                video_id='walk',
                frame_id=number,
                is_labeled=number == 2,
            )
        )
        frame.gt_instances = frame.pred_instances = InstanceData(
            keypoints=np.full((1, 15, 2), 20.0),
            keypoints_visible=np.ones((1, 15)),
            bboxes=np.array([[5.0, 5, 30, 30]]),
            track_ids=np.array([number]),
        )
        made.append(frame)
    return made


def make_runner():
    meta = SimpleNamespace(dataset_meta=layout_metainfo('posetrack15'))
    return SimpleNamespace(
        val_evaluator=meta, test_evaluator=meta, epoch=3, iter=9
    )


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_frames_are_drawn_with_labels_beside_them(frames, tmp_path):
    out = tmp_path / 'out'
    hook = TrackVisualizationHook(enable=True, interval=2, out_dir=str(out))
    hook.before_test_epoch(make_runner())
    for batch in (frames[:3], frames[3:]):
        hook.after_test_iter(make_runner(), 0, None, batch)
    assert names(out) == [f'walk_00000{n}.png' for n in (0, 2, 4)]
    assert cv2.imread(str(out / 'walk_000000.png')).shape == (40, 60, 3)
    assert cv2.imread(str(out / 'walk_000002.png')).shape == (40, 120, 3)


def test_every_validation_draws_the_same_frames(frames, tmp_path):
    out = tmp_path / 'out'
    hook = TrackVisualizationHook(enable=True, interval=4, out_dir=str(out))
    for _ in range(2):
        hook.before_val_epoch(make_runner())
        hook.after_val_iter(make_runner(), 0, None, frames[:3])
    assert names(out) == ['walk_000000_epoch_3.png']


def test_it_is_off_by_default(frames, tmp_path):
    hook = TrackVisualizationHook(out_dir=str(tmp_path / 'out'))
    hook.after_val_iter(make_runner(), 0, None, frames)
    assert not (tmp_path / 'out').exists()
