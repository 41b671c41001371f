# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from mmengine.structures import InstanceData
from mmengine.visualization import Visualizer
from mmpose.structures import PoseDataSample
from support.toy_episode import make_toy_episode

from cape_mm.datasets.formats.posetrack import layout_metainfo
from cape_mm.engine.hooks import (
    EpisodeVisualizationHook,
    TrackVisualizationHook,
)
from cape_mm.visualization import EpisodeVisualizer, TrackVisualizer

RUNNER = SimpleNamespace(epoch=4, iter=80)


def _clear():
    Visualizer._instance_dict.clear()
    EpisodeVisualizer._instance_dict.clear()


@pytest.fixture
def backend_dir(tmp_path):
    """Where the current visualizer's backend writes."""
    _clear()
    EpisodeVisualizer.get_instance(
        'visualizer',
        panel_size=64,
        vis_backends=[dict(type='LocalVisBackend')],
        save_dir=str(tmp_path / 'backend'),
    )
    yield tmp_path / 'backend'
    _clear()


def _episodes(tmp_path, count=3, queries=2):
    return [
        make_toy_episode(tmp_path, queries=queries, number=i)
        for i in range(count)
    ]


def _names(folder):
    return sorted(path.name for path in folder.rglob('*.png'))


def test_images_lie_directly_in_the_folder(backend_dir, tmp_path):
    out_dir = tmp_path / 'images'
    hook = EpisodeVisualizationHook(True, interval=1, out_dir=str(out_dir))
    hook.before_test_epoch(RUNNER)
    hook.after_test_iter(RUNNER, 0, outputs=_episodes(tmp_path))
    assert [path.name for path in sorted(out_dir.iterdir())] == [
        f'7_100_{query}_{episode:04d}.png'
        for query in (200, 201)
        for episode in (0, 1, 2)
    ]
    assert not _names(backend_dir)


def test_validation_images_carry_the_epoch(backend_dir, tmp_path):
    out_dir = tmp_path / 'images'
    hook = EpisodeVisualizationHook(True, interval=4, out_dir=str(out_dir))
    for _ in range(2):
        hook.before_val_epoch(RUNNER)
        hook.after_val_iter(RUNNER, 0, outputs=_episodes(tmp_path))
    # the first and the fifth query, at every validation
    assert _names(out_dir) == [
        '7_100_200_0000_epoch_4.png',
        '7_100_200_0002_epoch_4.png',
    ]


def test_without_folder_the_backends_get_the_images(backend_dir, tmp_path):
    hook = EpisodeVisualizationHook(True, interval=1)
    hook.after_val_iter(RUNNER, 0, outputs=_episodes(tmp_path, 1, 1))
    assert _names(backend_dir) == ['val_7_100_200_0000_80.png']


def test_nothing_is_drawn_by_default(backend_dir, tmp_path):
    hook = EpisodeVisualizationHook(out_dir=str(tmp_path / 'images'))
    hook.after_val_iter(RUNNER, 0, outputs=_episodes(tmp_path))
    hook.after_test_iter(RUNNER, 0, outputs=_episodes(tmp_path))
    assert not (tmp_path / 'images').exists()


def test_other_samples_are_drawn_as_mmpose_does(backend_dir, tmp_path):
    query = _episodes(tmp_path)[0].queries[0]
    assert isinstance(query, PoseDataSample)
    runner = SimpleNamespace(
        work_dir=str(tmp_path / 'work'),
        timestamp='now',
        test_evaluator=SimpleNamespace(dataset_meta={}),
    )
    hook = EpisodeVisualizationHook(True, out_dir=str(tmp_path / 'images'))
    hook.after_test_iter(runner, 0, outputs=[query])
    assert _names(tmp_path / 'images') == ['dark_0.png']


@pytest.fixture
def track_visualizer():
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


@pytest.mark.usefixtures('track_visualizer')
def test_frames_are_drawn_with_labels_beside_them(frames, tmp_path):
    out = tmp_path / 'out'
    hook = TrackVisualizationHook(enable=True, interval=2, out_dir=str(out))
    hook.before_test_epoch(make_runner())
    for batch in (frames[:3], frames[3:]):
        hook.after_test_iter(make_runner(), 0, None, batch)
    assert names(out) == [f'walk_00000{n}.png' for n in (0, 2, 4)]
    assert cv2.imread(str(out / 'walk_000000.png')).shape == (40, 60, 3)
    assert cv2.imread(str(out / 'walk_000002.png')).shape == (40, 120, 3)


@pytest.mark.usefixtures('track_visualizer')
def test_every_validation_draws_the_same_frames(frames, tmp_path):
    out = tmp_path / 'out'
    hook = TrackVisualizationHook(enable=True, interval=4, out_dir=str(out))
    for _ in range(2):
        hook.before_val_epoch(make_runner())
        hook.after_val_iter(make_runner(), 0, None, frames[:3])
    assert names(out) == ['walk_000000_epoch_3.png']


@pytest.mark.usefixtures('track_visualizer')
def test_it_is_off_by_default(frames, tmp_path):
    hook = TrackVisualizationHook(out_dir=str(tmp_path / 'out'))
    hook.after_val_iter(make_runner(), 0, None, frames)
    assert not (tmp_path / 'out').exists()
