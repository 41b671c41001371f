# Copyright (c) cape_mm contributors. All rights reserved.
"""Rules about warm-up, cosine and milestones."""

from __future__ import annotations

import pytest

from cape_mm.checks import ERROR, WARNING

STOP = 'default_hooks.early_stopping.'
COSINE = 1


def test_warmup_longer_than_the_training(cfg, ask):
    """24 cephalograms in batches of 4 for 20 epochs are 120 iterations."""
    cfg.param_scheduler[0].end = 500
    (finding,) = ask('warmup-length', cfg)
    assert '500 iterations' in finding.message
    assert '120 iterations' in finding.message
    assert 'at most 25% of the learning rate' in finding.message
    assert finding.severity == ERROR


def test_warmup_of_half_the_training(cfg, ask):
    cfg.param_scheduler[0].end = 60
    (finding,) = ask('warmup-length', cfg)
    assert finding.severity == WARNING


def test_warmup_without_end(cfg, ask):
    del cfg.param_scheduler[0]['end']
    (finding,) = ask('warmup-length', cfg)
    assert 'at most 1%' in finding.message


@pytest.mark.parametrize(
    'period, text', [(60, 'never comes down'), (10, 'rises again')]
)
def test_cosine_of_another_length(cfg, ask, period, text):
    cfg.param_scheduler[COSINE].T_max = period
    (finding,) = ask('cosine-period', cfg)
    assert text in finding.message


def test_fewer_epochs_want_another_cosine(cfg, ask):
    """The emergency fix `max_epochs=20` alone."""
    cfg.train_cfg.max_epochs = 10
    (finding,) = ask('cosine-period', cfg)
    assert 'after 20 epochs, the training ends after 10' in finding.message


def test_cosine_that_ends_early_and_stays_is_fine(cfg, ask):
    cfg.param_scheduler[COSINE].update(T_max=15, end=15)
    assert not ask('cosine-period', cfg)


def test_cosine_in_iterations(cfg, ask):
    cosine = dict(type='CosineAnnealingLR', by_epoch=False, T_max=120)
    cfg.param_scheduler[COSINE] = cosine
    assert not ask('cosine-period', cfg)
    cosine['T_max'] = 500
    cfg.param_scheduler[COSINE] = cosine
    assert ask('cosine-period', cfg)


def test_steps_after_the_end(cfg, ask):
    cfg.param_scheduler = [
        dict(type='MultiStepLR', milestones=[10, 155, 200], gamma=0.1)
    ]
    (finding,) = ask('milestones-beyond-end', cfg)
    assert '155, 200' in finding.message


@pytest.mark.parametrize(
    'kind, rate, count',
    [
        ('AdamW', 0.1, 1),
        ('Adam', 0.02, 1),
        ('AdamW', 1e-3, 0),
        ('SGD', 0.1, 0),
    ],
)
def test_learning_rate_that_adam_cannot_bear(cfg, ask, kind, rate, count):
    cfg.optim_wrapper.optimizer = dict(type=kind, lr=rate)
    findings = ask('learning-rate-high', cfg)
    assert [f.severity for f in findings] == [WARNING] * count
