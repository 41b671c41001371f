# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import pytest

from cape_mm.checks import ERROR, WARNING
from cape_mm.checks.collapse import (
    HINTS,
    LIMITS,
    collapse_level,
    describe_collapse,
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
        1,
        'no_skill',
    ),
    'mean shape': (
        dict(skill=0.0, spread_ratio=0.04, corr=0.0, mode_share=0.97),
        2,
        'image_independent',
    ),
    'mean shape with noise': (
        dict(skill=-0.1, spread_ratio=0.48, corr=0.01),
        2,
        'image_independent',
    ),
    'all at one point': (
        dict(spread_in_image=0.03, merged_pairs=0.76),
        2,
        'landmarks_merged',
    ),
    'top left corner': (
        dict(edge_share=1.0, spread_in_image=0.0),
        2,
        'at_the_edge',
    ),
    'random': (
        dict(skill=-3.0, spread_ratio=8.0, corr=0.0, spread_in_image=1.8),
        2,
        'image_independent',
    ),
    'dead head': (dict(peak=0.05, corr=0.9), 1, 'dead_head'),
}


@pytest.mark.parametrize('name', SOUND)
def test_sound_predictors_are_not_accused(name):
    assert judge_collapse(SOUND[name]) == []
    assert collapse_level([]) == 0


@pytest.mark.parametrize('name', FAULTS)
def test_every_fault_is_named(name):
    statistics, level, fault = FAULTS[name]
    findings = judge_collapse(statistics)
    assert collapse_level(findings) == level
    assert findings[0].meaning == fault
    assert findings[0].advice == HINTS[fault]
    assert HINTS[fault] in describe_collapse(findings)


def test_noise_hides_the_spread_but_not_the_correlation():
    spread = dict(spread_ratio=0.55)
    assert collapse_level(judge_collapse(spread)) == 0
    assert collapse_level(judge_collapse(dict(spread, corr=0.0))) == 2


@pytest.mark.parametrize('name', LIMITS)
def test_every_limit_has_its_fault(name):
    for key, limit in LIMITS[name].items():
        step = -1e-6 if key.endswith('below') else 1e-6
        level = collapse_level(judge_collapse({name: limit}))
        assert level < max(1, 2 * key.startswith('critical'))
        (finding,) = judge_collapse({name: limit + step})
        assert finding.message.endswith(f' {limit:g}')
        assert finding.severity == (ERROR if 'critical' in key else WARNING)
        assert finding.meaning in HINTS


def test_missing_and_nan_statistics_are_not_judged():
    assert judge_collapse(dict(corr=float('nan'), skill=0.9)) == []
    assert judge_collapse({}) == []


def test_serious_signs_come_first():
    findings = judge_collapse(dict(peak=0.0, spread_in_image=0.1, corr=0.3))
    assert [(f.severity, f.meaning) for f in findings] == [
        (ERROR, 'landmarks_merged'),
        (WARNING, 'dead_head'),
        (WARNING, 'image_independent'),
    ]


def test_limits_can_be_changed_and_removed():
    limits = merge_limits(
        dict(corr=dict(warn_below=0.95), skill=dict(warn_below=None))
    )
    findings = judge_collapse(dict(corr=0.93, skill=-1.0), limits)
    assert [finding.keys for finding in findings] == [('corr',)]
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
