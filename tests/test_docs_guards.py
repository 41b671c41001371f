# Copyright (c) cape_mm contributors. All rights reserved.
"""The tables of the page on guards are those that the code prints."""

from __future__ import annotations

from pathlib import Path

from cape_mm.checks import CONFIG_RULES, limit_table, rule_table
from cape_mm.checks.collapse import LIMITS

PAGE = Path(__file__).resolve().parents[1] / 'docs' / 'en' / 'guards.md'
TEXT = PAGE.read_text()


def test_the_table_is_that_of_the_rules():
    table = rule_table(CONFIG_RULES)
    assert table in TEXT, (
        'put the output of tools/analysis_tools/doctor.py --table into '
        f'{PAGE}:\n{table}'
    )
    assert f'({len(CONFIG_RULES)} rules)' in TEXT


def test_the_table_of_limits_is_that_of_the_code():
    table = limit_table()
    assert table in TEXT, (
        f'put the result of cape_mm.checks.limit_table() into {PAGE}:\n{table}'
    )
    assert [name for name in LIMITS if f'* `{name}`: ' not in TEXT] == []
