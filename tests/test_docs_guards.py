# Copyright (c) cape_mm contributors. All rights reserved.
"""The tables of the page on guards are those that the code prints."""

from __future__ import annotations

from pathlib import Path

from cape_mm.checks import CONFIG_RULES, rule_table

PAGE = Path(__file__).resolve().parents[1] / 'docs' / 'en' / 'guards.md'


def test_the_table_is_that_of_the_rules():
    table = rule_table(CONFIG_RULES)
    assert table in PAGE.read_text(), (
        'put the output of tools/analysis_tools/doctor.py --table into '
        f'{PAGE}:\n{table}'
    )
    assert f'({len(CONFIG_RULES)} rules)' in PAGE.read_text()
