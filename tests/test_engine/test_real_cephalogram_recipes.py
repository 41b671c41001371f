# Copyright (c) cape_mm contributors. All rights reserved.
"""The recipes for real cephalograms train and predict, on synthetic ones."""

from __future__ import annotations

from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.logging import MessageHub, MMLogger
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from mmengine.visualization import Visualizer

from cape_mm.apis import CephalometricInferencer
from cape_mm.datasets.synthetic import write_cephalograms
from cape_mm.visualization import EpisodeVisualizer

FOLDER = Path(__file__).resolve().parents[2] / 'configs' / 'cephalometric'
MANAGERS = (
    *(MMLogger, MessageHub, DefaultScope),
    *(Visualizer, EpisodeVisualizer),
)


@pytest.mark.slow
@pytest.mark.parametrize(
    'name', ['small_isbi2015-256x320', 'isbi2015-512x640']
)
def test_an_epoch_and_the_use_of_what_it_gives(name, tmp_path, monkeypatch):
    for manager in MANAGERS:
        manager._instance_dict.clear()
    root = tmp_path / 'cephalograms'
    write_cephalograms(root, train=4, val=2, test=2, image_height=160)
    monkeypatch.setenv('CEPH_DATA_ROOT', str(root))
    monkeypatch.setenv('CEPH_SCHEMA', 'cephalogram23')
    monkeypatch.setenv('CEPH_EPOCHS', '1')
    for split in ('train', 'val', 'test'):
        monkeypatch.setenv(
            f'CEPH_{split.upper()}_FILE',
            f'annotations/cephalograms_{split}.json',
        )
    cfg = Config.fromfile(str(FOLDER / f'unet_lite0_{name}.py'))
    cfg.work_dir = str(tmp_path / 'run')
    # an untrained model may look like a collapsed one
    cfg.custom_hooks = [
        dict(hook, action='warn')
        if hook['type'] == 'cape_mm.CollapseMonitorHook'
        else hook
        for hook in cfg.custom_hooks
    ]
    runner = Runner.from_cfg(cfg)
    runner.train()
    assert runner.iter == 1
    best = tmp_path / 'run' / 'best_MRE_mm_epoch_1.pth'
    (result,) = CephalometricInferencer(best, device='cpu')(
        root / 'images' / 'test_0000.jpg', spacing=0.75
    )
    assert result.pred_instances.keypoints.shape == (1, 23, 2)
    for manager in MANAGERS:
        manager._instance_dict.clear()
