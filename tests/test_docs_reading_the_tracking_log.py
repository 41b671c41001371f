# Copyright (c) cape_mm contributors. All rights reserved.
"""The page on the tracking log has the table of rules, and all keys."""

from __future__ import annotations

import re
from pathlib import Path

from cape_mm.checks import HEALTHY, LOG_RULES, rule_table

DOCS = Path(__file__).resolve().parents[1] / 'docs' / 'en'
PAGE = (DOCS / 'reading_the_tracking_log.md').read_text()


def test_the_table_is_that_of_the_rules():
    table = rule_table(LOG_RULES)
    assert table in PAGE, (
        'put the output of tools/analysis_tools/analyze_tracking_log.py '
        f'--table into reading_the_tracking_log.md:\n{table}'
    )
    assert f'({len(LOG_RULES)} rules)' in PAGE


def test_every_key_is_explained():
    assert [key for key in HEALTHY if f'`{key}`' not in PAGE] == []


def test_rules_that_keys_refer_to_exist():
    named = re.findall(r'`([a-z]+(?:-[a-z]+)+)`', PAGE)
    assert set(named) <= set(LOG_RULES)
