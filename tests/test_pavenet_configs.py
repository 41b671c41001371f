# Copyright (c) cape_mm contributors. All rights reserved.
"""The full systems have the size and the settings that are documented."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from mmengine.registry import MODELS, DefaultScope, init_default_scope

from cape_mm.datasets.formats.posetrack import layout_metainfo

FOLDER = Path(__file__).resolve().parents[1] / 'configs' / 'pavenet'
FULL = sorted(
    path
    for path in FOLDER.rglob('*.py')
    if not path.name.startswith('pavenet_tiny')
)
ALL = sorted(FOLDER.rglob('*.py'))


@pytest.fixture(autouse=True)
def scope():
    init_default_scope('mmpose')
    yield
    DefaultScope._instance_dict.clear()


def load(name):
    return Config.fromfile(next(FOLDER.rglob(f'{name}.py')))


def test_r50_has_the_published_size_and_known_multipliers():
    config = load('pavenet_r50_1xb1-10e_posetrack18-1333x800')
    config.model.backbone.init_cfg = None
    model = MODELS.build(config.model)
    names = [name for name, _ in model.named_parameters()]
    count = sum(parameter.numel() for parameter in model.parameters())
    # without branches that nothing supervises, which are 1.61 M of the
    # published 50.95 M
    assert count / 1e6 == pytest.approx(50.95 - 1.61, abs=0.25)
    for key in config.optim_wrapper.paramwise_cfg.custom_keys:
        assert any(key in name for name in names), key
    slow = [name for name in names if 'offsets' in name]
    assert any(name.startswith('encoder') for name in slow)
    assert any('decoder' in name for name in slow)


@pytest.mark.parametrize('path', FULL, ids=lambda path: path.stem)
def test_settings_are_the_documented_ones(path):
    config = Config.fromfile(path)
    tracks = config.model.head.sampler is not None
    optimizer = config.optim_wrapper.optimizer
    assert optimizer.type == 'AdamW' and optimizer.weight_decay == 1e-4
    assert optimizer.lr == (1e-5 if tracks else 2e-5)
    assert config.optim_wrapper.clip_grad.max_norm == 0.1
    many = 'swin' in path.stem or 'coco' in path.stem
    assert config.optim_wrapper.accumulative_counts == (16 if many else 8)
    assert config.train_dataloader.dataset.num_windows == (2 if tracks else 1)
    epochs = 10 if tracks else 20
    assert config.train_cfg.max_epochs == epochs
    assert config.param_scheduler[0].milestones == [7 if tracks else 15]
    assert f'{epochs}e_' in path.stem or 'no-tracking' in path.stem
    assert config.val_dataloader == config.test_dataloader
    resize = config.test_dataloader.dataset.pipeline[1]
    assert (resize.long_edge, resize.short_edge) == (1333, 800)
    for name in ('train', 'val', 'test'):
        dataset = config[f'{name}_dataloader'].dataset
        assert dataset.num_frames == config.model.head.num_frames


@pytest.mark.parametrize('year', ['17', '18', '21'])
@pytest.mark.parametrize('backbone', ['r50', 'swin-l'])
def test_every_release_has_its_folder(year, backbone):
    config = load(f'pavenet_{backbone}_1xb1-10e_posetrack{year}-1333x800')
    folder = 'posetrack_data' if year == '21' else 'annotations'
    for name in ('train', 'val'):
        dataset = config[f'{name}_dataloader'].dataset
        assert dataset.data_root == f'data/posetrack{year}'
        assert dataset.ann_file == f'{folder}/{name}'
        assert dataset.type == 'cape_mm.PoseTrackClipDataset'


def find(node, key):
    """Yields all values of a key, at any depth."""
    if isinstance(node, dict):
        if key in node:
            yield node[key]
        node = list(node.values())
    if isinstance(node, (list, tuple)):
        for child in node:
            yield from find(child, key)


@pytest.mark.parametrize('path', ALL, ids=lambda path: path.stem)
def test_what_is_trained_is_what_is_tested(path):
    config = Config.fromfile(path)
    # Nothing is frozen by a rate of 0, and no frozen part is computed twice.
    rates = list(find(config.optim_wrapper.to_dict(), 'lr_mult'))
    assert all(rate > 0 for rate in rates)
    assert not any(find(config.model.to_dict(), 'with_cp'))
    for name in ('val', 'test'):
        loader = config[f'{name}_dataloader']
        assert loader.sampler.type == 'cape_mm.VideoSampler'
        assert loader.dataset.test_mode and 'indices' not in loader.dataset
    learned, tested = (
        [max(np.ravel(edge)) for edge in find(loader.to_dict(), 'long_edge')]
        for loader in (config.train_dataloader, config.test_dataloader)
    )
    if tested:
        assert learned[-1] >= 0.9 * tested[-1]


@pytest.mark.parametrize('path', ALL, ids=lambda path: path.stem)
def test_there_is_one_table_of_sigmas(path):
    config = Config.fromfile(path)
    tables = list(find(config.model.to_dict(), 'sigmas'))
    assert len(tables) > 1
    expected = layout_metainfo('posetrack15')['sigmas']
    assert all(table == pytest.approx(expected) for table in tables)
