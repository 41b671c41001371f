# Copyright (c) cape_mm contributors. All rights reserved.
"""Interrupted after an epoch and resumed, or never interrupted: the same."""

from __future__ import annotations

import shutil

import pytest
import torch

# whatever has a state: left-over iterations, averaged weights, random numbers
# of the head, of the augmentation and of the schedule
OPTIONS = {
    'optim_wrapper.accumulative_counts': 2,
    'optim_wrapper.paramwise_cfg.custom_keys.backbone.lr_mult': 0.1,
    'default_hooks.ema.type': 'EMAHook',
    'default_hooks.ema.momentum': 0.1,
    'default_hooks.sampling.type': 'cape_mm.ScheduledSamplingHook',
    'default_hooks.checkpoint.max_keep_ckpts': 9,
}
# how long something took, not what it was
CLOCKS = ('train/time', 'train/data_time', 'val/time', 'val/data_time')


def assert_same(one, other, where='checkpoint'):
    assert type(one) is type(other), where
    if isinstance(one, dict):
        assert one.keys() == other.keys(), where
        for key in one:
            if key not in CLOCKS:
                assert_same(one[key], other[key], f'{where}.{key}')
    elif isinstance(one, (list, tuple)):
        assert len(one) == len(other), where
        for i, pair in enumerate(zip(one, other)):
            assert_same(*pair, f'{where}[{i}]')
    elif isinstance(one, torch.Tensor):
        assert torch.equal(one, other), where
    else:
        assert one == other, where


def load(path):
    return torch.load(path, weights_only=True)


@pytest.mark.slow
@pytest.mark.parametrize('loss', ['KeypointL1Loss', 'KeypointRLELoss'])
def test_resumed_training_is_bit_identical(tiny_cape_runner, tmp_path, loss):
    options = {
        **OPTIONS,
        'model.head.loss_coords': dict(
            _delete_=True, type=f'cape_mm.{loss}', loss_weight=1.0
        ),
    }
    whole, resumed = tmp_path / 'whole', tmp_path / 'resumed'
    tiny_cape_runner(whole, **options).train()
    resumed.mkdir()
    shutil.copy(whole / 'epoch_1.pth', resumed)
    runner = tiny_cape_runner(
        resumed,
        **options,
        **{'load_from': str(resumed / 'epoch_1.pth'), 'resume': True},
    )
    torch.rand(7)  # the process is another one
    runner.train()
    one, other = load(whole / 'epoch_3.pth'), load(resumed / 'epoch_3.pth')
    for key in ('state_dict', 'ema_state_dict', 'optimizer'):
        assert_same(one[key], other[key], key)
    assert_same(one['param_schedulers'], other['param_schedulers'])
    logs = [part['message_hub']['log_scalars'] for part in (one, other)]
    losses = [key for key in logs[0] if 'loss' in key]
    assert 'train/d0.loss_coords' in losses
    # of 3 epochs with 5 iterations, in both
    assert len(logs[0]['train/loss']['log']) == 15
    assert_same(*logs, 'log')
    # and it is not trivially the same
    first = load(whole / 'epoch_1.pth')
    with pytest.raises(AssertionError):
        assert_same(first['state_dict'], one['state_dict'])
    with pytest.raises(AssertionError):
        assert_same(one['state_dict'], strip(one['ema_state_dict']))


def strip(ema_state):
    start = 'module.'
    return {
        key[len(start) :]: value
        for key, value in ema_state.items()
        if key.startswith(start)
    }
