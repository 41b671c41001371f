# Copyright (c) cape_mm contributors. All rights reserved.
"""Early stopping on PCK, as the guide sets it."""

from __future__ import annotations

import pytest
import torch

STOP = {
    f'default_hooks.early_stopping.{key}': value
    for key, value in dict(
        type='cape_mm.ResumableEarlyStoppingHook',
        monitor='PCK',
        rule='greater',
        min_delta=0.001,
        patience=2,
        strict=True,
    ).items()
}
LONG = {
    'train_cfg.max_epochs': 5,
    'default_hooks.checkpoint.max_keep_ckpts': 9,
}


@pytest.fixture
def files(toy_runner, tmp_path, monkeypatch):
    """Train with the given PCKs; returns the names of the files."""

    def train(pcks, **options):
        monkeypatch.setattr('support.toy_project.PCK_OF_EPOCH', pcks)
        toy_runner(tmp_path, **LONG, **STOP, **options).train()
        return sorted(path.name for path in tmp_path.glob('*.pth'))

    return train


def test_plateau_ends_training_and_the_best_file_stays(files, tmp_path):
    assert files((0.5, 0.9, 0.7, 0.8, 0.95)) == [
        'best_PCK_epoch_2.pth',
        *(f'epoch_{i}.pth' for i in (1, 2, 3, 4)),
    ]
    best = torch.load(tmp_path / 'best_PCK_epoch_2.pth', weights_only=True)
    assert best['meta']['epoch'] == 2


def test_gains_below_min_delta_are_a_plateau(files):
    names = files((0.5, 0.9, 0.9004, 0.9008, 0.95))
    assert 'epoch_5.pth' not in names
    # the best file follows any gain
    assert 'best_PCK_epoch_4.pth' in names


def test_gains_keep_training_going(files):
    names = files((0.1, 0.2, 0.2, 0.3, 0.4))
    assert {'epoch_5.pth', 'best_PCK_epoch_5.pth'} <= set(names)


def test_left_over_iterations_are_applied_before_the_stop(files, tmp_path):
    """Without the flush, the last of 4 iterations would be lost."""
    files(
        (0.9, 0.8, 0.7, 0.6, 0.5), **{'optim_wrapper.accumulative_counts': 3}
    )
    last = torch.load(tmp_path / 'epoch_3.pth', weights_only=True)
    steps = last['optimizer']['state'][0]['step']
    assert steps == 3 * 2
