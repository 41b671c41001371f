# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import pytest

from cape_mm.engine.hooks import ValidationTrendHook


@pytest.fixture
def train(toy_runner, tmp_path, monkeypatch, capsys):
    """Train with the given PCKs; returns the runner with its log."""

    def run(pcks, max_epochs=5, resume=False, **hook):
        monkeypatch.setattr('support.toy_project.PCK_OF_EPOCH', pcks)
        hook = dict(
            dict(
                type='cape_mm.ValidationTrendHook',
                monitor='PCK',
                rule='greater',
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


def test_a_rising_metric_is_called_better_and_not_warned_of(train):
    runner = train((0.5, 0.6, 0.7, 0.8, 0.9))
    assert 'PCK: 0.9 after 5 validation(s), best 0.9 in num' in runner.log
    assert "get better (Kendall's tau +1.00)" in runner.log
    assert 'WARNING - Trend' not in runner.log
    drops = runner.message_hub.get_scalar('val/trend_drop').data[0]
    assert list(drops) == [0] * 5


def test_a_falling_metric_is_called_worse(train):
    assert (
        "get worse (Kendall's tau -1.00)"
        in train((0.99, 0.98, 0.97, 0.965, 0.96)).log
    )


def test_a_sudden_drop_is_a_warning(train):
    log = train((0.5, 0.8, 0.81, 0.6, 0.82)).log
    assert log.count('sudden drop') == 1
    assert '0.6 is 26% worse than the best value 0.81' in log


def test_a_small_drop_is_none(train):
    assert 'sudden drop' not in train((0.5, 0.8, 0.79, 0.81, 0.8)).log
    assert 'sudden drop' in train((0.8, 0.79) * 3, max_drop=0.01).log


def test_a_plateau_is_a_warning(train):
    log = train((0.5, 0.8, 0.8004, 0.8, 0.8), patience=3, min_delta=0.001).log
    assert log.count('plateau, ') == 1
    assert 'no gain above 0.001 in the last 3 validations' in log


def test_a_resumed_run_knows_what_was_best(train):
    pcks = (0.9, 0.8, 0.88, 0.8, 0.8)
    train(pcks, max_epochs=3)
    log = train(pcks, resume=True).log
    assert 'worse than the best value 0.9' in log


def test_a_missing_metric_is_refused(train):
    with pytest.raises(KeyError, match='watch .MRE_mm.*metrics PCK'):
        train((0.5,) * 5, monitor='MRE_mm')


def test_an_unknown_rule_is_refused():
    with pytest.raises(ValueError, match='rule'):
        ValidationTrendHook('PCK', 'more')
