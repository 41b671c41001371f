# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Callable

import pytest
from mmengine.config import Config
from mmengine.logging import MessageHub, MMLogger
from mmengine.registry import DefaultScope

from cape_mm.checks import CONFIG_RULES
from cape_mm.checks.training_config import TrainingConfig
from cape_mm.datasets.synthetic import write_cephalograms

TESTS = Path(__file__).resolve().parents[1]


@pytest.fixture(autouse=True)
def _clear_singletons():
    yield
    for manager in (MMLogger, MessageHub, DefaultScope):
        manager._instance_dict.clear()


@pytest.fixture(scope='session')
def written_cephalograms(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp('data') / 'cephalograms'
    write_cephalograms(root, train=24, val=12, test=8, image_height=64)
    return root


@pytest.fixture
def cephalograms(written_cephalograms, tmp_path) -> Path:
    """A folder of cephalograms that a test may spoil."""
    root = tmp_path / 'cephalograms'
    shutil.copytree(written_cephalograms / 'annotations', root / 'annotations')
    shutil.copytree(written_cephalograms / 'images', root / 'images')
    return root


@pytest.fixture
def cfg(cephalograms) -> Config:
    """The config without fault, which a test may break."""
    cfg = Config.fromfile(
        str(TESTS / 'support' / 'sound_cephalometric_config.py')
    )
    for split in ('train', 'val', 'test'):
        cfg[f'{split}_dataloader'].dataset.update(
            data_root=str(cephalograms), serialize_data=False
        )
    return cfg


@pytest.fixture
def edit(cephalograms) -> Callable:
    """Change an annotation file with a function of its content."""

    def change(split: str, function: Callable) -> None:
        path = cephalograms / 'annotations' / f'cephalograms_{split}.json'
        content = json.loads(path.read_text())
        function(content)
        path.write_text(json.dumps(content))

    return change


@pytest.fixture
def ask() -> Callable:
    """Apply one rule to a config; returns its findings."""

    def apply(name: str, cfg: Config) -> list:
        with DefaultScope.overwrite_default_scope('mmpose'):
            return list(CONFIG_RULES[name].apply(TrainingConfig(cfg)))

    return apply
