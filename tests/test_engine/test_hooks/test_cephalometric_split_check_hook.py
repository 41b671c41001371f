# Copyright (c) cape_mm contributors. All rights reserved.
"""The check stops a real runner before its first iteration."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.evaluator import BaseMetric
from mmengine.model import BaseModel
from mmengine.runner import Runner

from cape_mm.datasets.formats.cephalometric import (
    CephalometricRecord,
    write_coco,
)
from cape_mm.errors import DataError
from cape_mm.structures import get_schema


class Started(Exception):
    """The first iteration has begun."""


class Model(BaseModel):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def forward(self, *args, **kwargs):
        raise Started


class Silent(BaseMetric):
    def process(self, data_batch, data_samples):
        pass

    def compute_metrics(self, results):
        return {}


@pytest.fixture
def write(tmp_path):
    def write_file(name, subjects):
        records = [
            CephalometricRecord(
                image_path=f'{name}_{number}.png',
                keypoints_px=np.full((19, 2), 5.0),
                visible=np.full(19, 2),
                subject=subject,
                image=np.zeros((20, 16), np.uint8),
            )
            for number, subject in enumerate(subjects)
        ]
        schema = get_schema('isbi2015')
        path = tmp_path / f'{name}.json'
        write_coco(records, schema, path, tmp_path / 'images')

    return write_file


@pytest.fixture
def train(tmp_path):
    """Train with the given annotation files."""

    def loader(name):
        return ConfigDict(
            batch_size=1,
            num_workers=0,
            dataset=dict(
                type='cape_mm.CephalometricDataset',
                ann_file=f'{name}.json',
                schema='isbi2015',
                data_root=str(tmp_path),
                pipeline=[dict(type='LoadImage'), dict(type='PackPoseInputs')],
            ),
            sampler=dict(type='DefaultSampler', shuffle=False),
        )

    def run(train, val=None, test=None):
        parts = {}
        for role, name in dict(val=val, test=test).items():
            if name:
                parts[f'{role}_dataloader'] = loader(name)
                parts[f'{role}_cfg'] = dict()
                parts[f'{role}_evaluator'] = dict(type=Silent)
        runner = Runner(
            model=Model(),
            work_dir=str(tmp_path / 'work'),
            train_dataloader=loader(train),
            train_cfg=dict(by_epoch=True, max_epochs=1),
            optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)),
            custom_hooks=[dict(type='cape_mm.CephalometricSplitCheckHook')],
            default_scope='mmpose',
            experiment_name=tmp_path.name,
            **parts,
        )
        runner.train()

    return run


def read_log(tmp_path):
    (path,) = (tmp_path / 'work').rglob('*.log')
    return path.read_text()


def test_good_splits_train(tmp_path, write, train):
    for name, subjects in dict(a=['1', '2'], b=['3'], c=['4']).items():
        write(name, subjects)
    with pytest.raises(Started):
        train('a', 'b', 'c')
    assert 'have no subject' not in read_log(tmp_path)


@pytest.mark.parametrize('role', ['val', 'test'])
def test_the_training_file_does_not_validate_or_test(write, train, role):
    write('a', ['1', '2'])
    with pytest.raises(DataError, match='a.json is used for training and'):
        train('a', **{role: 'a'})


@pytest.mark.parametrize('role', ['val', 'test'])
def test_a_subject_in_two_splits_stops_the_training(write, train, role):
    write('a', ['1', '2'])
    write('b', ['2', '3'])
    with pytest.raises(DataError, match='1 subjects .*: 2; files .*a.json'):
        train('a', **{role: 'b'})


def test_what_could_not_be_compared_is_logged(tmp_path, write, train):
    write('a', ['1', ''])
    with pytest.raises(Started):
        train('a', test='not_here')
    log = read_log(tmp_path)
    assert '1 cephalograms have no subject' in log
    assert 'test data could not be compared' in log and 'not_here' in log
