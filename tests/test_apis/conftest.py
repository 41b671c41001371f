# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import pytest
from mmengine.logging import MessageHub, MMLogger
from mmengine.registry import DefaultScope
from mmengine.visualization import Visualizer
from support.tiny_cape import write_tiny_cape

from cape_mm.apis import CapeInferencer, read_request
from cape_mm.visualization import EpisodeVisualizer


@pytest.fixture(scope='session')
def tiny(tmp_path_factory):
    return write_tiny_cape(tmp_path_factory.mktemp('tiny'))


@pytest.fixture(scope='session')
def inferencer(tiny):
    return CapeInferencer(tiny.checkpoint, device='cpu')


@pytest.fixture
def request_of_test(tiny):
    """One support and three queries of the first test category."""
    return read_request(
        str(tiny.root / 'annotations' / 'mp100_split1_test.json')
    )


@pytest.fixture
def clear_singletons():
    def clear():
        for manager in (
            *(MMLogger, MessageHub, DefaultScope),
            *(Visualizer, EpisodeVisualizer),
        ):
            manager._instance_dict.clear()

    clear()
    yield
    clear()
