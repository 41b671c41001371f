# Copyright (c) cape_mm contributors. All rights reserved.
from pathlib import Path
from typing import Callable

import pytest
from mmengine.config import Config
from mmengine.logging import MessageHub, MMLogger
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from mmengine.visualization import Visualizer

from cape_mm.visualization import EpisodeVisualizer

MANAGERS = (
    *(MMLogger, MessageHub, DefaultScope),
    *(Visualizer, EpisodeVisualizer),
)
TOY_CONFIG = Path(__file__).resolve().parents[1] / 'toy_config.py'


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
