# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import pytest
from mmengine.evaluator import BaseMetric
from mmengine.logging import MessageHub
from mmengine.registry import METRICS

from cape_mm.engine.hooks import CollapseError, CollapseMonitorHook

SOUND = dict(corr=0.95, skill=0.7, spread_ratio=1.0)
WEAK = dict(SOUND, skill=0.1)
DEAD = dict(corr=0.0, skill=-0.1, spread_ratio=0.45)


@METRICS.register_module()
class ToyCollapse(BaseMetric):
    """Emits the statistics of its list, one entry per validation."""

    series = ()

    def process(self, data_batch, data_samples):
        self.results += list(data_samples)

    def compute_metrics(self, results):
        epoch = MessageHub.get_current_instance().get_info('epoch', 0)
        return dict(self.series[epoch], PCK=0.5)


@pytest.fixture
def train(toy_runner, tmp_path, monkeypatch, capsys):
    """Train with the given statistics; returns the runner and its log."""

    def run(series, resume=False, max_epochs=5, **hook):
        monkeypatch.setattr(ToyCollapse, 'series', series)
        hook = dict(
            dict(type='cape_mm.CollapseMonitorHook', begin_epoch=0), **hook
        )
        runner = toy_runner(
            tmp_path,
            **{
                'val_evaluator': dict(type='ToyCollapse'),
                'custom_hooks': [hook],
                'train_cfg.max_epochs': max_epochs,
                'default_hooks.checkpoint.save_best': None,
                'resume': resume,
            },
        )
        capsys.readouterr()
        try:
            runner.train()
        finally:
            runner.log = capsys.readouterr()
            runner.log = runner.log.out + runner.log.err
        return runner

    return run


def test_a_sound_run_is_silent(train):
    runner = train([SOUND] * 5)
    assert 'Collapse:' not in runner.log
    levels = runner.message_hub.get_scalar('val/collapse_level').data[0]
    assert list(levels) == [0] * 5


def test_a_fault_is_a_note_first_and_then_an_error(train):
    log = train([SOUND, DEAD, DEAD, SOUND, SOUND]).log
    lines = [line for line in log.splitlines() if 'Collapse:' in line]
    assert len(lines) == 2
    assert 'INFO' in lines[0] and 'signs in 1 validation' in lines[0]
    assert 'ERROR' in lines[1] and 'signs in 2 validation' in lines[1]
    assert 'image_independent (corr 0 < 0.2' in lines[1]
    assert 'fault A' in lines[1]


def test_weak_signs_are_a_warning_and_never_stop(train):
    runner = train([WEAK] * 5, action='raise')
    assert runner.epoch == 5
    assert 'WARNING - Collapse: warning, signs in 2' in runner.log


def test_a_sound_validation_ends_the_count(train):
    runner = train([DEAD, SOUND, DEAD, SOUND, DEAD], action='raise')
    assert runner.epoch == 5
    assert 'ERROR' not in runner.log


def test_stop_ends_training_after_that_validation(train):
    runner = train([SOUND, DEAD, DEAD, DEAD, DEAD], action='stop')
    assert runner.epoch == 3
    assert 'training is stopped' in runner.log


def test_raise_fails_and_names_the_fault(train):
    with pytest.raises(CollapseError, match='image_independent'):
        train([DEAD] * 5, action='raise', consecutive=1)


def test_the_level_is_logged_with_the_metrics(train):
    assert 'collapse_level: 2' in train([DEAD] * 5).log


@pytest.mark.parametrize('begin, judged', [(4, 2), (None, 5)])
def test_the_beginning_is_not_judged(train, begin, judged):
    """None is a tenth of the iterations, less than the first epoch here."""
    log = train([DEAD] * 5, begin_epoch=begin).log
    assert log.count('Collapse: critical') == judged


def test_few_images_are_not_judged(train):
    log = train([DEAD] * 5, min_images=9, action='raise').log
    assert '8 images are too few to judge' in log
    assert 'critical' not in log


def test_a_resumed_run_goes_on_counting(train):
    train([SOUND, DEAD, DEAD, DEAD, DEAD], max_epochs=3, consecutive=4)
    with pytest.raises(CollapseError, match='in 3 validation'):
        # epoch_3.pth knows the validation of epoch 2 and lacks its own
        train(
            [None, None, DEAD, DEAD, DEAD], True, action='raise', consecutive=3
        )


def test_metrics_without_any_statistic_are_refused(train):
    with pytest.raises(KeyError, match='needs at least one of corr|metric'):
        train([{}] * 5)


def test_a_prefix_is_taken_off(train):
    series = [{f'ceph/{k}': v for k, v in DEAD.items()}] * 5
    assert 'image_independent' in train(series, prefix='ceph').log


def test_numbers_that_are_not_finite_are_reported(train):
    log = train([dict(corr=float('nan'))] * 5).log
    assert 'no statistic is a finite number' in log


def test_limits_are_those_of_the_config(train):
    log = train([SOUND] * 5, limits=dict(corr=dict(warn_below=0.97))).log
    assert 'corr 0.95 < 0.97' in log


@pytest.mark.parametrize('wrong', [dict(action='shout'), dict(consecutive=0)])
def test_wrong_arguments_are_refused(wrong):
    with pytest.raises(ValueError, match='action|consecutive'):
        CollapseMonitorHook(**wrong)
