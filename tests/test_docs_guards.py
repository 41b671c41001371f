# Copyright (c) cape_mm contributors. All rights reserved.
"""The page on guards says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from cape_mm.doctor import RULES
from cape_mm.evaluation.functional.collapse_verdict import HINTS, LIMITS

PAGE = Path(__file__).resolve().parents[1] / 'docs' / 'en' / 'guards.md'


def rows():
    """First cell without what follows a comma, and the whole row."""
    for line in PAGE.read_text().splitlines():
        match = re.match(r'\| `([\w-]+)`', line)
        if match:
            yield match[1], line


def test_rules_and_their_severity():
    listed = {name: row for name, row in rows() if name in RULES}
    assert list(listed) == list(RULES)
    for name, row in listed.items():
        assert row.split('|')[2].strip().startswith(RULES[name].severity)
    assert f'({len(RULES)} rules)' in PAGE.read_text()


def test_limits_and_faults():
    listed = {name: row for name, row in rows() if name in LIMITS}
    assert set(listed) == set(LIMITS)
    for name, limits in LIMITS.items():
        for key, limit in limits.items():
            sign = '<' if key.endswith('below') else '>'
            assert f'{sign} {limit:g}' in listed[name], (name, key)
    assert all(f'`{fault}`' in PAGE.read_text() for fault in HINTS)
