# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import pytest
import torch
from mmengine.evaluator import BaseMetric
from mmengine.logging import MessageHub
from mmengine.registry import DATASETS, METRICS
from torch.utils.data import Dataset

from cape_mm.engine.hooks import TrainGapHook


@DATASETS.register_module()
class ToyTrainingPart(Dataset):
    metainfo = dict(dataset_name='toy')

    def __len__(self):
        return 16

    def __getitem__(self, index):
        return dict(inputs=torch.full((4,), float(index)), data_samples=1)


@METRICS.register_module()
class ToySplitError(BaseMetric):
    """Emits an error that depends on what is evaluated and on the epoch."""

    series = {}

    def process(self, data_batch, data_samples):
        assert not torch.is_grad_enabled()
        self.results += list(data_samples)

    def compute_metrics(self, results):
        epoch = MessageHub.get_current_instance().get_info('epoch', 0)
        return dict(MRE_mm=self.series[len(results)][epoch])


LOADER = dict(
    batch_size=2,
    num_workers=0,
    dataset=dict(type='ToyTrainingPart'),
    sampler=dict(type='DefaultSampler', shuffle=False),
)

EMA = dict(type='EMAHook', momentum=0.5)


@pytest.fixture
def train(toy_runner, tmp_path, monkeypatch, capsys):
    """Train with errors of validation (8 items) and of training (16)."""

    def run(val, of_train, max_epochs=3, resume=False, more_hooks=(), **hook):
        monkeypatch.setattr(ToySplitError, 'series', {8: val, 16: of_train})
        hook = dict(
            dict(type='cape_mm.TrainGapHook', monitor='MRE_mm', rule='less'),
            **hook,
        )
        runner = toy_runner(
            tmp_path,
            **{
                'val_evaluator': dict(type='ToySplitError'),
                'train_gap_dataloader': LOADER,
                'custom_hooks': [*more_hooks, hook],
                'train_cfg.max_epochs': max_epochs,
                'default_hooks.checkpoint.save_best': None,
                'resume': resume,
            },
        )
        capsys.readouterr()
        runner.train()
        captured = capsys.readouterr()
        runner.log = captured.out + captured.err
        return runner

    return run


def history(runner, key):
    return list(runner.message_hub.get_scalar(key).data[0])


def test_both_are_measured_and_compared(train):
    runner = train((3.0, 2.0, 1.5), (2.5, 1.5, 1.25))
    assert history(runner, 'val/train_MRE_mm') == [2.5, 1.5, 1.25]
    assert history(runner, 'val/gap_MRE_mm') == [0.5, 0.5, 0.25]
    assert (
        'MRE_mm: 1.25 on 16 samples of the training data, 1.5 in validation, '
        '1.20 times as bad'
    ) in runner.log
    assert 'WARNING - MRE_mm' not in runner.log
    # metrics write tables of both: whose, is said before
    note = runner.log.index('next metrics are those of 16 samples')
    assert note < runner.log.index('MRE_mm: 2.5 on 16 samples')


def test_the_validation_itself_is_not_changed(train):
    assert history(train((3.0, 2.0, 1.5), (1.0,) * 3), 'val/MRE_mm') == [
        *(3.0, 2.0, 1.5)
    ]


def test_both_are_in_the_log_beside_the_metrics(train):
    log = train((3.0,) * 3, (2.5,) * 3).log
    assert 'train_MRE_mm: 2.500000' in log
    assert 'gap_MRE_mm: 0.500000' in log


def test_learning_by_heart_is_a_warning_the_second_time(train):
    log = train((3.0, 3.0, 3.0), (1.0, 1.0, 2.9)).log
    assert log.count('learnt by heart') == 1
    assert 'above 1.5 in 2 validations in a row' in log


def test_a_resumed_run_goes_on_counting(train):
    errors = (3.0,) * 4, (1.0,) * 4
    train(*errors, max_epochs=3)
    # epoch_3.pth knows the validations of epochs 1 and 2
    log = train(*errors, max_epochs=4, resume=True).log
    assert 'in 3 validations in a row' in log


def test_of_a_score_less_is_worse(train):
    log = train((0.4,) * 3, (0.9,) * 3, rule='greater').log
    assert '2.25 times as bad' in log
    assert 'learnt by heart' in log


def test_data_and_metrics_may_be_given_in_the_hook(train):
    loader = dict(LOADER, batch_size=4)
    runner = train(
        (3.0,) * 3,
        (2.5,) * 3,
        dataloader=loader,
        evaluator=dict(type='ToySplitError'),
    )
    assert history(runner, 'val/train_MRE_mm') == [2.5] * 3


def test_a_missing_variable_is_refused_at_the_start(train):
    with pytest.raises(KeyError, match="'no_such_dataloader'"):
        train((3.0,) * 3, (2.5,) * 3, dataloader='no_such_dataloader')


def test_a_missing_metric_is_refused(train):
    with pytest.raises(KeyError, match='compare .PCK.*metrics MRE_mm'):
        train((3.0,) * 3, (2.5,) * 3, monitor='PCK')


def test_an_unknown_rule_is_refused():
    with pytest.raises(ValueError, match='rule'):
        TrainGapHook('PCK', 'more')


def test_averaged_weights_are_measured_on_both(train, monkeypatch):
    """EMAHook takes them away after the validation, not before."""
    values = []

    def process(self, data_batch, data_samples):
        values.append(float(data_samples[0]))
        self.results += list(data_samples)

    monkeypatch.setattr(ToySplitError, 'process', process)
    monkeypatch.setattr(
        'support.toy_project.ToyPoseModel.val_step',
        lambda self, batch: [self.linear.bias.sum()] * len(batch['inputs']),
    )
    train((3.0,) * 3, (2.5,) * 3, more_hooks=[EMA], max_epochs=1)
    assert len(set(values)) == 1
