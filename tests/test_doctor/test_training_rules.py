# Copyright (c) cape_mm contributors. All rights reserved.
"""Rules about schedules, hooks and metrics."""

from __future__ import annotations

import pytest
from support.recipe_edits import pipeline

from cape_mm.doctor import ERROR, WARNING

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


def test_monitor_that_nobody_emits(cfg, ask):
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


def test_nobody_watches_for_collapse(cfg, ask):
    cfg.val_evaluator = [dict(type='PCKAccuracy')]
    (finding,) = ask('collapse-unwatched', cfg)
    assert 'no statistic' in finding.message
    cfg.custom_hooks = []
    (finding,) = ask('collapse-unwatched', cfg)
    assert 'no hook' in finding.message


def test_metric_that_fails(cfg, ask):
    cfg.val_evaluator = [dict(type='PCKAccuracy', norm_item='head')]
    (finding,) = ask('metric-works', cfg)
    assert 'head_size' in finding.message


@pytest.mark.parametrize('split', ['val', 'test'])
def test_torso_of_another_schema(cfg, ask, split):
    cfg[f'{split}_evaluator'] = [
        dict(type='PCKAccuracy', norm_item=['bbox', 'torso'])
    ]
    (finding,) = ask('torso-of-another-schema', cfg)
    assert f'PCKAccuracy of {split}' in finding.message
    assert 'Ar and ANS' in finding.message


@pytest.mark.parametrize('is_first_unknown', [False, True])
def test_spacing_that_does_not_reach_the_metric(
    cfg, ask, edit, is_first_unknown
):
    def forget(content):
        content['images'][0].update(spacing=None, spacing_source='unknown')

    if is_first_unknown:
        edit('val', forget)
    assert not ask('spacing-not-packed', cfg)
    pipeline(cfg, 'val')[3] = dict(type='PackPoseInputs')
    (finding,) = ask('spacing-not-packed', cfg)
    assert 'items of val' in finding.message
