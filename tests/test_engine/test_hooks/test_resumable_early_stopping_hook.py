# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import pytest


@pytest.fixture
def train(toy_runner, tmp_path, monkeypatch, capsys):
    def run(pcks, max_epochs, resume, kind='cape_mm.Resumable', **hook):
        monkeypatch.setattr('support.toy_project.PCK_OF_EPOCH', pcks)
        hook = dict(
            dict(
                type=f'{kind}EarlyStoppingHook',
                monitor='PCK',
                rule='greater',
                min_delta=0.001,
                patience=3,
                strict=True,
            ),
            **hook,
        )
        runner = toy_runner(
            tmp_path,
            **{
                'custom_hooks': [hook],
                'train_cfg.max_epochs': max_epochs,
                'resume': resume,
            },
        )
        capsys.readouterr()
        runner.train()
        captured = capsys.readouterr()
        runner.log = captured.out + captured.err
        return runner

    return run


BEST_FIRST = (0.9, *[0.8] * 11)


def test_patience_is_counted_over_a_resume(train):
    train(BEST_FIRST, 3, False)
    # epoch_3.pth knows the validations of epochs 1 and 2: one more wait
    assert train(BEST_FIRST, 9, True).epoch == 5


def test_the_plain_hook_begins_anew(train):
    train(BEST_FIRST, 3, False, kind='')
    # epoch 4 is the new best one, and waiting takes 3 more
    assert train(BEST_FIRST, 9, True, kind='').epoch == 7


def test_without_a_resume_both_are_the_same(train):
    assert train(BEST_FIRST, 9, False).epoch == 4


def test_a_decision_before_the_resume_is_kept_and_named(train):
    train(BEST_FIRST, 5, False, patience=9)
    runner = train(BEST_FIRST, 9, True, patience=2)
    assert runner.epoch == 5
    assert 'already decided at validation 3' in runner.log
