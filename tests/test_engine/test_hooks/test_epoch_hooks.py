# Copyright (c) cape_mm contributors. All rights reserved.
"""Epochs that do not depend on what was before them."""

from __future__ import annotations

import random
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.optim import OptimWrapper
from mmengine.registry import MODELS
from mmengine.runner import EpochBasedTrainLoop

from cape_mm.engine.hooks import (
    AccumulationFlushHook,
    EpochSeedHook,
    epoch_hooks,
)

LR, CLIP = 0.1, 0.05
# another hook in its place, one that does nothing here
WITHOUT = {'default_hooks.accumulation_flush.type': 'SyncBuffersHook'}


@MODELS.register_module()
class ToyRegression(BaseModel):
    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(4, 2)
        with torch.no_grad():
            self.linear.weight.copy_(torch.arange(8.0).view(2, 4) / 8)
            self.linear.bias.zero_()

    def forward(self, inputs, data_samples=None, mode='tensor'):
        outputs = self.linear(torch.stack(inputs))
        if mode == 'loss':
            return dict(loss_toy=outputs.square().mean())
        return outputs


class Record(Hook):
    """Weights after every epoch and gradients that are left then."""

    priority = 'LOWEST'

    def __init__(self):
        self.weights, self.left = [], []

    def after_train_epoch(self, runner):
        weight = runner.model.linear.weight
        self.weights.append(weight.detach().clone())
        self.left.append(weight.grad is not None and bool(weight.grad.any()))


def _train(toy_runner, work_dir, batch_size, steps, epochs=2, **options):
    runner = toy_runner(
        work_dir,
        **{
            'model': dict(_delete_=True, type='ToyRegression'),
            'train_dataloader.batch_size': batch_size,
            'train_dataloader.sampler.shuffle': False,
            'optim_wrapper.optimizer': dict(type='AdamW', lr=LR),
            'optim_wrapper.clip_grad': dict(max_norm=CLIP),
            'optim_wrapper.accumulative_counts': steps,
            'train_cfg.max_epochs': epochs,
            **options,
        },
    )
    record = Record()
    runner.register_hook(record)
    runner.train()
    return record


# of 8 items; something is left over in all but (2, 2) and (2, 4)
@pytest.mark.parametrize(
    'batch_size, steps', [(2, 2), (2, 3), (1, 5), (1, 7), (2, 4), (2, 9)]
)
def test_epoch_equals_one_with_big_batches(
    toy_runner, tmp_path, batch_size, steps
):
    small = _train(toy_runner, tmp_path / 'small', batch_size, steps)
    big = _train(toy_runner, tmp_path / 'big', batch_size * steps, 1)
    for one, other in zip(small.weights, big.weights):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-6)


def test_no_gradient_outlives_its_epoch(toy_runner, tmp_path):
    assert _train(toy_runner, tmp_path / 'with', 2, 3).left == [False, False]
    record = _train(toy_runner, tmp_path / 'without', 2, 3, **WITHOUT)
    assert record.left == [True, False]


def test_without_accumulation_nothing_changes(toy_runner, tmp_path):
    one = _train(toy_runner, tmp_path / 'with', 2, 1)
    other = _train(toy_runner, tmp_path / 'without', 2, 1, **WITHOUT)
    for pair in zip(one.weights, other.weights):
        assert torch.equal(*pair)


def test_iteration_based_training_is_left_alone(toy_runner, tmp_path):
    runner = toy_runner(
        tmp_path,
        **{
            'train_cfg': dict(
                _delete_=True, type='IterBasedTrainLoop', max_iters=6
            ),
            'optim_wrapper.accumulative_counts': 3,
            'param_scheduler': None,
        },
    )
    runner.train()
    assert runner.optim_wrapper.inner_count == 6


def test_batch_norm_is_not_warned_of_in_every_epoch(monkeypatch):
    texts = []
    monkeypatch.setattr(
        'mmengine.optim.optimizer.optimizer_wrapper.print_log',
        lambda text, **_: texts.append(text),
    )
    model = torch.nn.BatchNorm1d(2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    wrapper = OptimWrapper(optimizer, accumulative_counts=2)
    wrapper.initialize_count_status(model, 0, 9)
    assert len(texts) == 1
    runner = SimpleNamespace(
        train_loop=object.__new__(EpochBasedTrainLoop),
        train_dataloader=[0] * 3,
        optim_wrapper=wrapper,
    )
    for _ in range(3):
        AccumulationFlushHook().before_train_epoch(runner)
    assert len(texts) == 1


def _draw(seed, epoch):
    EpochSeedHook().before_train_epoch(SimpleNamespace(seed=seed, epoch=epoch))
    return random.random(), float(np.random.rand()), float(torch.rand(1))


@pytest.fixture(autouse=True)
def _keep_generators():
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()
    yield
    random.setstate(states[0])
    np.random.set_state(states[1])
    torch.set_rng_state(states[2])


def test_same_epoch_draws_the_same_numbers_whatever_came_before():
    first = _draw(seed=0, epoch=3)
    torch.rand(5)
    assert _draw(seed=0, epoch=3) == first


def test_epochs_seeds_and_ranks_draw_different_numbers(monkeypatch):
    draws = [_draw(0, 0), _draw(0, 1), _draw(1, 0)]
    monkeypatch.setattr(epoch_hooks, 'get_rank', lambda: 1)
    draws.append(_draw(0, 0))
    for numbers in zip(*draws):
        assert len(set(numbers)) == 4
