# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from types import SimpleNamespace

import pytest
from mmengine.logging import MessageHub

from cape_mm.engine.hooks import ScheduledSamplingHook


def values_at(iteration, max_iters=100, **kwargs):
    head = SimpleNamespace()
    runner = SimpleNamespace(
        model=SimpleNamespace(head=head),
        iter=iteration,
        max_iters=max_iters,
    )
    ScheduledSamplingHook(**kwargs).before_train_iter(runner, 0)
    return head.own_prediction_share, head.teacher_noise


@pytest.mark.parametrize(
    'iteration, expected',
    [(0, (0, 0.02)), (10, (0, 0.02)), (35, (0.5, 0.01)), (60, (1, 0))],
)
def test_share_and_noise_move_linearly_within_the_period(iteration, expected):
    assert values_at(iteration) == pytest.approx(expected)


def test_they_stay_after_the_period():
    assert values_at(99) == (1, 0)


def test_teacher_forcing_only():
    assert values_at(99, share=(0, 0), noise=(0, 0)) == (0, 0)


def test_values_are_logged():
    hub = MessageHub.get_instance('scheduled_sampling')
    values_at(35)
    own = hub.get_scalar('train/diag_own_share').current()
    assert own == pytest.approx(0.5)


@pytest.mark.parametrize(
    'kwargs, match',
    [
        (dict(period=(0.6, 0.1)), 'period'),
        (dict(share=(0, 1.5)), 'share'),
        (dict(noise=(-0.1, 0)), 'noise'),
    ],
)
def test_impossible_values_are_refused(kwargs, match):
    with pytest.raises(ValueError, match=match):
        ScheduledSamplingHook(**kwargs)
