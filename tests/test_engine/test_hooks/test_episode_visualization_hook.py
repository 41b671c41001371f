# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from types import SimpleNamespace

import pytest
from mmengine.visualization import Visualizer
from mmpose.structures import PoseDataSample
from support.toy_episode import make_toy_episode

from cape_mm.engine.hooks import EpisodeVisualizationHook
from cape_mm.visualization import EpisodeVisualizer

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
