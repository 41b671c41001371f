# Copyright (c) cape_mm contributors. All rights reserved.
"""The page on the tracking log says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cape_mm.tracking_log import HEALTHY, RULES
from cape_mm.tracking_log.rules import track_rules, training_rules

DOCS = Path(__file__).resolve().parents[1] / 'docs' / 'en'
PAGE = (DOCS / 'reading_the_tracking_log.md').read_text()
#: Numbers that the row of a rule must name.
LIMITS = {
    'gradient-explodes': [training_rules.EXPLODING],
    'persons-not-found': [
        100 * training_rules.STUCK,
        training_rules.START,
        training_rules.PRECISE,
    ],
    'proposals-not-found': [
        100 * training_rules.STUCK,
        training_rules.START,
        training_rules.PRECISE,
    ],
    'keypoints-stuck': [training_rules.PROGRESS, training_rules.PRECISE],
    'loss-rises': [100 * training_rules.RISE],
    'layers-do-not-refine': [training_rules.WORSE],
    'refinement-does-not-refine': [training_rules.WORSE],
    'no-tracks': [track_rules.NONE],
    'tracks-without-persons': [track_rules.SOME, 100 * track_rules.FEW],
    'mostly-mistakes': [
        track_rules.SOME,
        100 * track_rules.FEW,
        100 * track_rules.HALF,
    ],
    'tracks-never-wrong': [track_rules.SOME, 100 * track_rules.NEARLY_ALL],
    'few-persons-tracked': [100 * track_rules.FEW_TRACKED],
    'no-births': [track_rules.NONE, track_rules.SOME],
    'identities-lost': [track_rules.KEPT],
    'tracks-elsewhere': [track_rules.ELSEWHERE, track_rules.ELSEWHERE_TIMES],
    'tracks-drift': [track_rules.DRIFTED, track_rules.DRIFTED_TIMES],
    'much-memory': [training_rules.MUCH_MEMORY],
}


def rows():
    """Names in the first cell, and all cells."""
    for line in PAGE.splitlines():
        if line.startswith('| `'):
            cells = [cell.strip() for cell in line.strip('|').split('|')]
            yield re.findall(r'`([^`]+)`', cells[0]), cells


def test_every_rule_has_its_row_and_severity():
    listed = {names[0]: cells for names, cells in rows() if names[0] in RULES}
    assert set(listed) == set(RULES)
    for name, cells in listed.items():
        assert cells[1] == RULES[name].severity
    assert f'({len(RULES)} rules)' in PAGE


@pytest.mark.parametrize('name', LIMITS)
def test_limits(name):
    (when,) = [cells[2] for names, cells in rows() if names == [name]]
    numbers = set(re.findall(r'\d+(?:\.\d+)?', when))
    assert {f'{limit:g}' for limit in LIMITS[name]} <= numbers


def test_every_key_is_explained():
    keys = {name for names, _ in rows() for name in names}
    assert set(HEALTHY) <= keys


def test_rules_that_keys_refer_to_exist():
    for names, cells in rows():
        if names[0] in HEALTHY:
            named = re.findall(r'`([a-z]+(?:-[a-z]+)+)`', cells[-1])
            assert set(named) <= set(RULES), names
