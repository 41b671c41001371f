# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from support.toy_project import ToyPoseDataset

from cape_mm.engine.hooks import EpisodeSummaryHook


def _log(runner):
    return Path(runner.log_dir, f'{runner.timestamp}.log').read_text()


def _train(toy_runner, work_dir, steps=3, options=(), **kwargs):
    accumulate = {'optim_wrapper.accumulative_counts': steps}
    runner = toy_runner(work_dir, **dict(accumulate, **dict(options)))
    runner.register_hook(EpisodeSummaryHook(**kwargs))
    runner.train()
    return _log(runner)


def test_start_says_what_is_trained_on_and_what_to_expect(
    toy_runner, tmp_path, monkeypatch
):
    monkeypatch.setattr(
        ToyPoseDataset, 'describe', lambda self: 'A toy.', raising=False
    )
    log = _train(toy_runner, tmp_path, expectation='PCK 0.9 soon')
    assert 'A toy.' in log
    assert 'epoch: 8 episodes in 4 iterations' in log
    assert 'batch: 2 physical, 6 effective' in log
    assert '(2 per process x 1 process(es) x 3 accumulated' in log
    assert 'last 1 iteration(s) of an epoch: one more update' in log
    assert 'expected: PCK 0.9 soon' in log


@pytest.mark.parametrize('steps', [1, 2])
def test_nothing_left_over_is_not_mentioned(toy_runner, tmp_path, steps):
    assert 'of an epoch:' not in _train(toy_runner, tmp_path, steps)


def test_start_says_if_the_last_batch_is_smaller(toy_runner, tmp_path):
    options = {'train_dataloader.batch_size': 3}
    log = _train(toy_runner, tmp_path, options=options)
    assert 'last iteration of an epoch: 2 episode(s) per process' in log


def test_start_says_if_the_next_epoch_gets_what_is_left(toy_runner, tmp_path):
    options = {'default_hooks.accumulation_flush.type': 'SyncBuffersHook'}
    log = _train(toy_runner, tmp_path, options=options)
    assert 'last 1 iteration(s) of an epoch: kept for the next' in log


def test_data_set_without_description_is_named(toy_runner, tmp_path):
    assert 'ToyPoseDataset' in _train(toy_runner, tmp_path)


def test_test_says_what_is_tested(toy_runner, tmp_path, monkeypatch):
    monkeypatch.setattr(
        ToyPoseDataset, 'describe', lambda self: 'A toy.', raising=False
    )
    runner = toy_runner(tmp_path)
    runner.register_hook(EpisodeSummaryHook())
    runner.test()
    assert 'Test data\nA toy.' in _log(runner)


def test_each_validation_says_how_it_measures(toy_runner, tmp_path):
    log = _train(toy_runner, tmp_path, val_note='same image, autoregressive')
    line = 'Val PCK@0.2: {}% (same image, autoregressive)'
    assert line.format('50.00') in log
    assert line.format('90.00') in log
    assert 'were replaced' not in log


class _Log(list):
    def warning(self, message):
        self.append(message)


def test_replaced_members_are_counted_and_reported_per_epoch():
    runner = SimpleNamespace(logger=_Log())
    hook = EpisodeSummaryHook()
    for replaced in (['a.jpg'], [], ['a.jpg', 'b.jpg']):
        samples = [SimpleNamespace(replaced=replaced)]
        hook.after_train_iter(runner, 0, dict(data_samples=samples))
    hook.after_train_epoch(runner)
    hook.after_train_epoch(runner)
    assert len(runner.logger) == 1
    assert '3 members' in runner.logger[0]
    assert 'a.jpg (2x), b.jpg (1x)' in runner.logger[0]
