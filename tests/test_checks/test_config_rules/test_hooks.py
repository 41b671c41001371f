# Copyright (c) cape_mm contributors. All rights reserved.
"""Rules about hooks and the metrics that they watch."""

from __future__ import annotations

import pytest

STOP = 'default_hooks.early_stopping.'
COSINE = 1


def test_hook_arguments_that_do_not_exist(cfg, ask):
    cfg.merge_from_dict({STOP + 'verbose': True, STOP + 'mode': 'max'})
    (finding,) = ask('hook-arguments', cfg)
    assert 'EarlyStoppingHook takes no verbose, mode' in finding.message


@pytest.mark.parametrize(
    'hook, text',
    [
        (dict(type='NoSuchHook'), "no hook 'NoSuchHook'"),
        (dict(type='EarlyStoppingHook'), 'needs monitor'),
        (dict(type='IterTimerHook', interval=5), 'takes no interval'),
    ],
)
def test_hooks_that_cannot_be_built(cfg, ask, hook, text):
    cfg.custom_hooks.append(hook)
    (finding,) = ask('hook-arguments', cfg)
    assert text in finding.message


def test_arguments_of_base_classes_are_known(cfg, ask):
    cfg.custom_hooks.append(
        dict(type='cape_mm.LatestBestCheckpointHook', interval=2, priority=1)
    )
    # passes them on to the average that it makes
    cfg.custom_hooks.append(dict(type='EMAHook', momentum=0.001))
    assert not ask('hook-arguments', cfg)


def test_the_best_model_is_lost(cfg, ask):
    cfg.default_hooks.checkpoint.save_best = None
    assert len(ask('best-not-kept', cfg)) == 1


@pytest.mark.parametrize('place', ['checkpoint', 'early_stopping'])
def test_rule_that_cannot_be_inferred(cfg, ask, place):
    cfg.default_hooks[place].rule = None
    (finding,) = ask('rule-missing', cfg)
    assert finding.message.startswith(f'default_hooks.{place} watches MRE_mm')


def test_rule_that_can_be_inferred(cfg, ask):
    cfg.default_hooks.checkpoint.update(save_best='acc', rule=None)
    assert not ask('rule-missing', cfg)


def test_rule_of_the_wrong_direction(cfg, ask):
    cfg.default_hooks.checkpoint.rule = 'greater'
    (finding,) = ask('rule-direction', cfg)
    assert 'perfect predictions give 0 ' in finding.message


def test_monitor_that_no_metric_emits(cfg, ask):
    cfg.default_hooks.early_stopping.monitor = 'coco/AP'
    (finding,) = ask('monitor-emitted', cfg)
    assert "watches 'coco/AP'" in finding.message
    assert 'MRE_mm' in finding.message


def test_default_min_delta_on_pck(cfg, ask):
    stop = cfg.default_hooks.early_stopping
    stop.update(monitor='PCK', rule='greater', min_delta=0.1)
    (finding,) = ask('min-delta-scale', cfg)
    assert 'of the 0.1' in finding.message
    stop.min_delta = 0.001
    assert not ask('min-delta-scale', cfg)


def test_early_stopping_that_fails_silently(cfg, ask):
    del cfg.default_hooks.early_stopping['strict']
    assert len(ask('early-stop-strict', cfg)) == 1


def test_early_stopping_that_comes_too_late(cfg, ask):
    cfg.train_cfg.val_interval = 5
    (finding,) = ask('early-stop-never', cfg)
    assert 'with 4 validations and patience 5' in finding.message


def test_monitor_that_cannot_see_collapse(cfg, ask):
    cfg.default_hooks.early_stopping.update(monitor='PCK', rule='greater')
    assert not ask('blind-monitor', cfg), 'MRE_mm is watched, too'
    cfg.default_hooks.checkpoint.update(save_best='PCK', rule='greater')
    (finding,) = ask('blind-monitor', cfg)
    assert 'of 1.00 in PCK' in finding.message
    assert 'mean shape of the training data' in finding.message
    for name in ('early_stopping', 'checkpoint'):
        key = 'save_best' if name == 'checkpoint' else 'monitor'
        cfg.default_hooks[name][key] = 'PCK_S-N'
    assert not ask('blind-monitor', cfg), 'a tighter threshold tells'


def test_no_hook_watches_for_collapse(cfg, ask):
    cfg.val_evaluator = [dict(type='PCKAccuracy')]
    (finding,) = ask('collapse-unwatched', cfg)
    assert 'no statistic' in finding.message
    cfg.custom_hooks = []
    (finding,) = ask('collapse-unwatched', cfg)
    assert 'no hook' in finding.message
