# Copyright (c) cape_mm contributors. All rights reserved.
"""MMPose's own inferencers take a checkpoint of a training of ours."""

from __future__ import annotations

import pytest
from mmengine.config import Config
from mmengine.runner import Runner
from support.tiny_ceph import write_tiny_ceph

from cape_mm.structures import get_schema

CONFIG = (
    'configs/cephalometric/hrnetv2_w18_small_synthetic-cephalograms.py',
    'configs/cephalometric/unet_lite0_small_isbi2015-256x320.py',
)


@pytest.fixture(scope='module', params=CONFIG, ids=['hrnet', 'unet'])
def trained(request, repo_root, tmp_path_factory):
    """Config file, checkpoint of one epoch, and a cephalogram."""
    folder = tmp_path_factory.mktemp('trained')
    tiny = write_tiny_ceph(folder)
    config = folder / 'config.py'
    data = dict(data_root=str(tiny.root), schema='cephalogram23')
    lines = [f'_base_ = [{str(repo_root / request.param)!r}]']
    for part in ('train', 'val', 'test'):
        name = f'annotations/cephalograms_{part}.json'
        change = dict(dataset=dict(data, ann_file=name), num_workers=0)
        lines.append(f'{part}_dataloader = {change!r}')
    lines.append(f'work_dir = {str(folder / "work")!r}')
    config.write_text('\n'.join(lines))
    cfg = Config.fromfile(str(config))
    cfg.model.head.out_channels = len(get_schema('cephalogram23'))
    cfg.model.backbone.pop('init_cfg', None)
    cfg.train_cfg.max_epochs = 1
    cfg.custom_hooks = []
    runner = Runner.from_cfg(cfg)
    runner.train()
    (checkpoint,) = (folder / 'work').glob('epoch_1.pth')
    return config, checkpoint, tiny.cephalograms[0]
