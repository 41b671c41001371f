# Copyright (c) cape_mm contributors. All rights reserved.
"""MMEngine's EMAHook together with our checkpoints."""

from __future__ import annotations

import pytest
import torch
from mmengine.hooks import Hook

EMA = {'default_hooks.ema.type': 'EMAHook', 'default_hooks.ema.momentum': 0.3}


class Record(Hook):
    """Weights that are trained, and weights that are validated or tested."""

    priority = 'LOWEST'

    def __init__(self):
        self.trained, self.judged = [], []

    def after_train_iter(self, runner, batch_idx, data_batch, outputs):
        self.trained.append(_weight(runner))

    def after_val_iter(self, runner, batch_idx, data_batch, outputs):
        self.judged.append(_weight(runner))

    after_test_iter = after_val_iter


def _weight(runner):
    return runner.model.linear.weight.detach().clone()


def _build(toy_runner, work_dir, **options):
    runner = toy_runner(work_dir, **options)
    record = Record()
    runner.register_hook(record)
    return runner, record


@pytest.fixture
def trained(toy_runner, tmp_path):
    runner, record = _build(toy_runner, tmp_path / 'train', **EMA)
    runner.train()
    average = record.trained[0]
    for weight in record.trained[1:]:
        average = 0.7 * average + 0.3 * weight
    return tmp_path / 'train', record, average


def test_the_average_is_validated_and_training_goes_on_without_it(trained):
    _, record, average = trained
    torch.testing.assert_close(record.judged[-1], average)
    # 4 iterations per epoch; validation in between changes nothing
    step = (record.trained[4] - record.trained[3]).abs().max()
    assert step <= 0.1 + 1e-6  # AdamW's step is at most lr
    assert (record.judged[1] - record.trained[3]).abs().max() > 1e-3


@pytest.mark.parametrize('name', ['epoch_2.pth', 'best_PCK_epoch_2.pth'])
def test_files_hold_the_average_as_the_weights_and_are_plain(trained, name):
    work_dir, record, average = trained
    checkpoint = torch.load(work_dir / name, weights_only=True)
    torch.testing.assert_close(
        checkpoint['state_dict']['linear.weight'], average
    )
    raw = checkpoint['ema_state_dict']['module.linear.weight']
    assert torch.equal(raw, record.trained[-1])


@pytest.mark.parametrize('options', [EMA, {}], ids=['hook', 'no hook'])
def test_the_average_is_tested_with_and_without_the_hook(
    trained, toy_runner, tmp_path, options
):
    work_dir, _, average = trained
    best = str(work_dir / 'best_PCK_epoch_2.pth')
    runner, record = _build(
        toy_runner, tmp_path / 'test', load_from=best, **options
    )
    assert runner.test()['PCK'] == 0.9
    torch.testing.assert_close(record.judged[-1], average)


def test_resumed_run_continues_both_weights(trained, toy_runner, tmp_path):
    work_dir, whole, _ = trained
    runner, record = _build(
        toy_runner,
        tmp_path / 'resumed',
        load_from=str(work_dir / 'epoch_1.pth'),
        resume=True,
        **EMA,
    )
    runner.train()
    for one, other in zip(whole.trained[4:], record.trained):
        assert torch.equal(one, other)
    assert torch.equal(whole.judged[-1], record.judged[-1])
