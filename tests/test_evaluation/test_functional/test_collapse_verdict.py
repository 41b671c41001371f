# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import pytest

from cape_mm.evaluation.functional.collapse_verdict import (
    CRITICAL,
    HINTS,
    LIMITS,
    OK,
    WARNING,
    judge_collapse,
    merge_limits,
)

# Statistics of simulated predictors; see test_collapse_simulation.py for
# those that are measured.
SOUND = {
    'error 1.5 mm': dict(skill=0.85, spread_ratio=1.01, corr=0.99),
    'error 4 mm': dict(skill=0.60, spread_ratio=1.1, corr=0.93),
    'follows the pose only': dict(skill=0.4, spread_ratio=0.87, corr=0.8),
}
FAULTS = {
    'error 10 mm': (
        dict(skill=0.0, spread_ratio=1.5, corr=0.67),
        WARNING,
        'no_skill',
    ),
    'mean shape': (
        dict(skill=0.0, spread_ratio=0.04, corr=0.0, mode_share=0.97),
        CRITICAL,
        'image_independent',
    ),
    'mean shape with noise': (
        dict(skill=-0.1, spread_ratio=0.48, corr=0.01),
        CRITICAL,
        'image_independent',
    ),
    'all at one point': (
        dict(spread_in_image=0.03, merged_pairs=0.76),
        CRITICAL,
        'landmarks_merged',
    ),
    'top left corner': (
        dict(edge_share=1.0, spread_in_image=0.0),
        CRITICAL,
        'at_the_edge',
    ),
    'random': (
        dict(skill=-3.0, spread_ratio=8.0, corr=0.0, spread_in_image=1.8),
        CRITICAL,
        'image_independent',
    ),
    'dead head': (dict(peak=0.05, corr=0.9), WARNING, 'dead_head'),
}


@pytest.mark.parametrize('name', SOUND)
def test_sound_predictors_are_not_accused(name):
    verdict = judge_collapse(SOUND[name])
    assert (verdict.level, verdict.signs) == (OK, ())
    assert str(verdict) == 'no sign of collapse'


@pytest.mark.parametrize('name', FAULTS)
def test_every_fault_is_named(name):
    statistics, level, fault = FAULTS[name]
    verdict = judge_collapse(statistics)
    assert verdict.level == level
    assert verdict.faults[0] == fault
    assert HINTS[fault] in str(verdict)


def test_noise_hides_the_spread_but_not_the_correlation():
    spread = dict(spread_ratio=0.55)
    assert judge_collapse(spread).level == OK
    assert judge_collapse(dict(spread, corr=0.0)).level == CRITICAL


@pytest.mark.parametrize('name', LIMITS)
def test_every_limit_has_its_fault(name):
    for key, limit in LIMITS[name].items():
        step = -1e-6 if key.endswith('below') else 1e-6
        assert judge_collapse({name: limit}).level < max(
            1, 2 * key.startswith('critical')
        )
        sign = judge_collapse({name: limit + step}).signs[0]
        assert sign.limit == limit
        assert sign.level == (CRITICAL if 'critical' in key else WARNING)
        assert sign.fault in HINTS


def test_missing_and_nan_statistics_are_named_not_judged():
    verdict = judge_collapse(dict(corr=float('nan'), skill=0.9))
    assert verdict.level == OK
    assert set(verdict.unjudged) == set(LIMITS) - {'skill'}


def test_serious_signs_come_first():
    verdict = judge_collapse(dict(peak=0.0, spread_in_image=0.1, corr=0.3))
    assert [sign.level for sign in verdict.signs] == [2, 1, 1]
    assert verdict.faults == (
        'landmarks_merged',
        'dead_head',
        'image_independent',
    )


def test_limits_can_be_changed_and_removed():
    limits = merge_limits(
        dict(corr=dict(warn_below=0.95), skill=dict(warn_below=None))
    )
    verdict = judge_collapse(dict(corr=0.93, skill=-1.0), limits)
    assert [sign.statistic for sign in verdict.signs] == ['corr']
    assert LIMITS['corr']['warn_below'] == 0.5


@pytest.mark.parametrize(
    'changes',
    [
        dict(unknown=dict(warn_below=1)),
        dict(corr=dict(warn=1)),
        dict(corr=dict(warn_above=1)),
    ],
)
def test_unknown_limits_are_refused(changes):
    with pytest.raises(ValueError, match='no statistic|no limit'):
        merge_limits(changes)
