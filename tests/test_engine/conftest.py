# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from pathlib import Path
from typing import Callable

import pytest
from mmengine.config import Config
from mmengine.logging import MessageHub, MMLogger
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from mmengine.visualization import Visualizer

from cape_mm.datasets.synthetic import write_creatures
from cape_mm.visualization import EpisodeVisualizer

MANAGERS = (
    *(MMLogger, MessageHub, DefaultScope),
    *(Visualizer, EpisodeVisualizer),
)
TESTS = Path(__file__).resolve().parents[1]
TOY_CONFIG = TESTS / 'support' / 'toy_config.py'
TINY_CAPE_CONFIG = TESTS / 'support' / 'tiny_cape_config.py'


def _clear_singletons():
    for manager in MANAGERS:
        manager._instance_dict.clear()


@pytest.fixture
def toy_runner() -> Callable[..., Runner]:
    """Build a runner of ``toy_config.py`` with changed settings."""

    def build(work_dir: Path, **options) -> Runner:
        _clear_singletons()
        cfg = Config.fromfile(str(TOY_CONFIG))
        cfg.merge_from_dict(options)
        cfg.work_dir = str(work_dir)
        return Runner.from_cfg(cfg)

    yield build
    _clear_singletons()


@pytest.fixture(scope='session')
def tiny_creatures(tmp_path_factory) -> Path:
    """Folder of a few small synthetic animals."""
    root = tmp_path_factory.mktemp('data') / 'creatures'
    write_creatures(root, train=(3, 6), val=(2, 4), test=(1, 3), image_size=64)
    return root


@pytest.fixture
def tiny_cape_config(tiny_creatures) -> Callable[..., Config]:
    """``tiny_cape_config.py`` with its data and changed settings."""

    def read(work_dir: Path, **options) -> Config:
        cfg = Config.fromfile(str(TINY_CAPE_CONFIG))
        for name in ('train', 'val', 'test'):
            dataset = cfg[f'{name}_dataloader'].dataset.dataset
            dataset.data_root = str(tiny_creatures)
        cfg.merge_from_dict(options)
        cfg.work_dir = str(work_dir)
        return cfg

    return read


@pytest.fixture
def tiny_cape_runner(tiny_cape_config) -> Callable[..., Runner]:
    """Build a runner of the real model, as small as it can be."""

    def build(work_dir: Path, **options) -> Runner:
        _clear_singletons()
        return Runner.from_cfg(tiny_cape_config(work_dir, **options))

    yield build
    _clear_singletons()
