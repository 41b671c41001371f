# Copyright (c) cape_mm contributors. All rights reserved.
"""A whole training whose predictions are sabotaged, and the monitor on it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.model import BaseModel
from mmengine.registry import MODELS
from mmengine.runner import Runner
from mmengine.structures import InstanceData

from cape_mm.datasets.synthetic import write_cephalograms
from cape_mm.engine.hooks import CollapseError

CONFIG = (
    Path(__file__).resolve().parents[1]
    / 'support'
    / 'sound_cephalometric_config.py'
)
MM = 1 / 3.75  # pixels of the small cephalograms


@MODELS.register_module()
class SabotagedEstimator(BaseModel):
    """Knows the answers, and spoils them in one way."""

    def __init__(self, fault, data_preprocessor=None):
        super().__init__(data_preprocessor)
        self.fault = fault
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.rng = np.random.default_rng(0)

    def forward(self, inputs, data_samples=None, mode='tensor'):
        if mode == 'loss':
            return dict(loss=self.weight.sum())
        for sample in data_samples:
            points = sample.gt_instances.keypoints
            height, width = sample.ori_shape[:2]
            size = np.array([width, height], dtype=np.float32)
            scores = 0.9
            if self.fault == 'image_independent':
                angles = np.arange(points.shape[1])
                ring = np.stack([np.cos(angles), np.sin(angles)], axis=-1)
                points = (0.5 + 0.3 * ring)[None] * size
                points = points + self.rng.normal(0, 4 * MM, points.shape)
            elif self.fault == 'landmarks_merged':
                points = np.broadcast_to(points.mean(1)[:, None], points.shape)
            elif self.fault == 'at_the_edge':
                points = np.full(points.shape, -1.0)
            elif self.fault == 'scattered':
                points = self.rng.uniform(-1, 2, points.shape) * size
            else:
                points = points + self.rng.normal(0, 1 * MM, points.shape)
            if self.fault == 'dead_head':
                scores = 0.01
            sample.pred_instances = InstanceData(
                keypoints=points.astype(np.float32),
                keypoint_scores=np.full(points.shape[:2], scores),
            )
        return data_samples


@pytest.fixture(scope='module')
def cephalograms(tmp_path_factory):
    root = tmp_path_factory.mktemp('data') / 'cephalograms'
    write_cephalograms(root, train=8, val=20, test=8, image_height=64)
    return root


@pytest.fixture
def train(cephalograms, tmp_path, capsys):
    """Train for three epochs; returns the runner and its log."""

    def run(fault, action):
        cfg = Config.fromfile(str(CONFIG))
        for split in ('train', 'val', 'test'):
            cfg[f'{split}_dataloader'].dataset.update(
                data_root=str(cephalograms), serialize_data=False
            )
        cfg.model = dict(
            type='SabotagedEstimator',
            fault=fault,
            data_preprocessor=cfg.model.data_preprocessor,
        )
        cfg.train_cfg.max_epochs = 3
        for name in ('visualization', 'checkpoint', 'epoch_seed'):
            del cfg.default_hooks[name]
        cfg.custom_hooks[0].action = action
        cfg.work_dir = str(tmp_path)
        cfg.experiment_name = f'sabotage_{tmp_path.name}'
        runner = Runner.from_cfg(cfg)
        capsys.readouterr()
        runner.train()
        captured = capsys.readouterr()
        return runner, captured.out + captured.err

    return run


def test_a_healthy_run_is_left_alone(train):
    runner, log = train('none', 'raise')
    assert runner.epoch == 3
    assert 'Collapse' not in log


@pytest.mark.parametrize(
    'fault', ['image_independent', 'landmarks_merged', 'at_the_edge']
)
def test_a_collapsed_run_stops_and_says_why(train, fault):
    runner, log = train(fault, 'stop')
    assert runner.epoch == 2
    assert (
        f'Collapse: critical, signs in 2 validation(s) in a row: {fault}'
        in log
    )


def test_a_collapsed_run_can_fail(train):
    with pytest.raises(CollapseError, match='at_the_edge'):
        train('at_the_edge', 'raise')


def test_a_dead_head_is_a_warning(train):
    runner, log = train('dead_head', 'stop')
    assert runner.epoch == 3
    assert 'warning, signs in 2 validation(s) in a row: dead_head' in log


def test_scattered_points_are_called_so(train):
    _, log = train('scattered', 'warn')
    assert 'scattered (' in log and 'image_independent (' in log
