# Copyright (c) cape_mm contributors. All rights reserved.
"""What checkpoints hold, and which of them are kept."""

from __future__ import annotations

import os
import shutil
import warnings
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from mmengine.hooks import Hook

from cape_mm.cli.launch import hold_work_dir
from cape_mm.engine.checkpoints import write_checkpoint
from cape_mm.engine.hooks import (
    FittingCheckpointHook,
    LatestBestCheckpointHook,
)
from cape_mm.errors import UnsuitableCheckpointError, UsageError


def _losses(runner):
    return runner.message_hub.get_scalar('train/loss').data[0].tolist()


def _log(runner):
    return Path(runner.log_dir, f'{runner.timestamp}.log').read_text()


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    """Working directory of four epochs, and their losses."""
    return tmp_path_factory.mktemp('trained')


@pytest.fixture
def uninterrupted(trained, toy_runner):
    keep = {'default_hooks.checkpoint.max_keep_ckpts': 9}
    if not (trained / 'losses.pt').exists():
        runner = toy_runner(trained, **{'train_cfg.max_epochs': 4, **keep})
        runner.train()
        torch.save(_losses(runner), trained / 'losses.pt')
    return trained, torch.load(trained / 'losses.pt')


def test_every_written_file_loads_without_unpickling(uninterrupted):
    work_dir, _ = uninterrupted
    files = sorted(path.name for path in work_dir.glob('*.pth'))
    assert files == ['best_PCK_epoch_2.pth'] + [
        f'epoch_{i}.pth' for i in (1, 2, 3, 4)
    ]
    for name in files:
        checkpoint = torch.load(work_dir / name, weights_only=True)
        assert checkpoint['message_hub']['runtime_info']['best_score'] in (
            0.5,
            0.9,
        )


# after epoch 2 the best score rose, so that the file is written once more
# after validation; after epoch 3 it did not
@pytest.mark.parametrize('epoch', [1, 2, 3])
def test_resumed_run_continues_bit_identically(
    epoch, uninterrupted, toy_runner, tmp_path
):
    work_dir, losses = uninterrupted
    for name in (f'epoch_{epoch}.pth', 'best_PCK_epoch_2.pth'):
        shutil.copy(work_dir / name, tmp_path)
    runner = toy_runner(
        tmp_path,
        **{'train_cfg.max_epochs': 4, 'resume': True},
        load_from=str(tmp_path / f'epoch_{epoch}.pth'),
    )
    runner.train()
    assert runner.iter == 16
    assert _losses(runner) == losses
    lr = runner.message_hub.get_scalar('train/lr').data[0]
    assert lr.tolist() == [0.1] * 4 + [0.05] * 8 + [0.025] * 4


def test_resume_keeps_best_score_and_removes_the_old_best_file(
    toy_runner, tmp_path
):
    toy_runner(tmp_path, **{'train_cfg.max_epochs': 3}).train()
    runner = toy_runner(
        tmp_path, **{'train_cfg.max_epochs': 5, 'resume': True}
    )
    runner.train()
    # epoch 4 (0.8) is worse than epoch 2 (0.9), epoch 5 (0.95) is better
    best = [path.name for path in tmp_path.glob('best_*.pth')]
    assert best == ['best_PCK_epoch_5.pth']
    info = runner.message_hub.runtime_info
    assert info['best_score'] == 0.95
    # epoch_3.pth was written before the validation of epoch 3
    history = runner.message_hub.get_scalar('val/PCK').data[0]
    assert history.tolist() == [0.5, 0.9, 0.7, 0.8, 0.95]


def test_checkpoint_of_other_origin_resumes_without_validation(
    toy_runner, tmp_path
):
    toy_runner(tmp_path, **{'train_cfg.max_epochs': 3}).train()
    path = tmp_path / 'epoch_3.pth'
    checkpoint = torch.load(path, weights_only=True)
    del checkpoint['message_hub']['runtime_info']['last_validation']
    torch.save(checkpoint, path)
    runner = toy_runner(
        tmp_path, **{'train_cfg.max_epochs': 4, 'resume': True}
    )
    runner.train()
    history = runner.message_hub.get_scalar('val/PCK').data[0]
    assert history.tolist() == [0.5, 0.9, 0.8]


def test_resume_finds_the_data_set_unchanged(toy_runner, tmp_path):
    toy_runner(tmp_path, **{'train_cfg.max_epochs': 1}).train()
    runner = toy_runner(tmp_path, resume=True)
    runner.train()
    log = _log(runner)
    assert 'resumed epoch: 1' in log
    assert 'dataset metainfo' not in log


def test_best_file_is_tested(toy_runner, tmp_path):
    toy_runner(tmp_path).train()
    best = tmp_path / 'best_PCK_epoch_2.pth'
    runner = toy_runner(tmp_path, load_from=str(best))
    assert runner.test()['PCK'] == 0.9


def test_what_cannot_be_stored_is_left_out_and_reported_once(
    toy_runner, tmp_path
):
    class AddObject(Hook):
        def before_save_checkpoint(self, runner, checkpoint):
            checkpoint['message_hub']['runtime_info']['odd'] = object()

    runner = toy_runner(tmp_path)
    runner.register_hook(AddObject())
    runner.train()
    message = 'message_hub.runtime_info.odd (object)'
    assert _log(runner).count(message) == 1
    torch.load(tmp_path / 'epoch_2.pth', weights_only=True)


def test_running_objects_are_not_changed(toy_runner, tmp_path):
    runner = toy_runner(tmp_path)
    runner.train()
    assert runner.message_hub.get_scalar('train/loss').mean() > 0
    sigmas = runner.train_dataloader.dataset.metainfo['sigmas']
    assert sigmas.tolist() == [0.1, 0.2]


def test_checkpoint_of_other_origin_resumes_with_the_opt_in(
    toy_runner, tmp_path, monkeypatch
):
    runner = toy_runner(tmp_path)
    runner._hooks = [
        hook
        for hook in runner.hooks
        if type(hook).__name__ != 'PlainCheckpointHook'
    ]
    runner.train()
    monkeypatch.setenv('TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD', '1')
    resumed = toy_runner(
        tmp_path, **{'train_cfg.max_epochs': 3, 'resume': True}
    )
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        resumed.train()
    assert len(_losses(resumed)) == 12


@pytest.mark.parametrize(
    'rule, score, best, is_better',
    [
        ('greater', 1.0, 1.0, True),
        ('greater', 0.9, 1.0, False),
        ('greater', 1.0, 0.9, True),
        ('less', 1.0, 1.0, True),
        ('less', 1.1, 1.0, False),
        ('less', 1.0, 1.1, True),
    ],
)
def test_the_later_of_two_equal_scores_is_better(rule, score, best, is_better):
    hook = LatestBestCheckpointHook(save_best='PCK', rule=rule)
    assert hook.is_better_than['PCK'](score, best) == is_better


def test_full_disk_leaves_the_old_checkpoint_whole(tmp_path, monkeypatch):
    path = tmp_path / 'best.pth'
    write_checkpoint(dict(a=torch.ones(1)), path)

    def fail(checkpoint, file):
        file.write(b'half')
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(torch, 'save', fail)
    with pytest.raises(OSError, match='No space'):
        write_checkpoint(dict(a=torch.zeros(1)), path)
    assert torch.load(path, weights_only=True)['a'] == 1
    assert [file.name for file in tmp_path.iterdir()] == ['best.pth']


def test_second_training_in_a_work_dir_is_refused(tmp_path):
    lock, running = hold_work_dir, f'process {os.getpid()} since'
    refused = pytest.raises(UsageError, match=running)
    with lock(str(tmp_path)), refused, lock(str(tmp_path)):
        pass
    with hold_work_dir(str(tmp_path)):  # a lock that was left is stale
        pass


@pytest.mark.parametrize(
    'launcher, variable',
    [
        ('pytorch', 'RANK'),
        ('slurm', 'SLURM_PROCID'),
        ('mpi', 'OMPI_COMM_WORLD_RANK'),
    ],
)
def test_other_processes_of_the_same_training_are_let_in(
    tmp_path, monkeypatch, launcher, variable
):
    lock = hold_work_dir
    monkeypatch.setenv(variable, '0')
    with lock(str(tmp_path), launcher):
        monkeypatch.setenv(variable, '1')
        with lock(str(tmp_path), launcher):
            pass
        with pytest.raises(UsageError), lock(str(tmp_path)):
            pass  # a training of its own in the same job
        monkeypatch.setenv(variable, '0')
        with pytest.raises(UsageError), lock(str(tmp_path), launcher):
            pass


@pytest.mark.parametrize(
    'resume, count, refused',
    [(False, 0, True), (False, 1, False), (True, 1, True), (True, 2, False)],
)
def test_checkpoint_of_another_model_is_counted(resume, count, refused):
    model = torch.nn.Linear(2, 1)
    runner = SimpleNamespace(model=model, _resume=resume, _load_from='a.pth')
    weights = dict([*model.state_dict().items()][:count])
    hook = FittingCheckpointHook()
    if not refused:
        hook.after_load_checkpoint(runner, dict(state_dict=weights))
        return
    text = f"{count} of the 2.*'a.pth'"
    with pytest.raises(UnsuitableCheckpointError, match=text):
        hook.after_load_checkpoint(runner, dict(state_dict=weights))
