# Copyright (c) cape_mm contributors. All rights reserved.
"""Findings and rules in words."""

from __future__ import annotations

from textwrap import fill
from typing import Sequence

from .rule import ERROR, WARNING, Finding, RuleBook

_WIDTH = 79


def report_findings(findings: Sequence[Finding], rules: RuleBook) -> str:
    """Describe findings, grouped by rule.

    Args:
        findings (Sequence[Finding]): Findings of the rules.
        rules (RuleBook): All rules that were applied.

    Returns:
        str: A paragraph for each rule, and a last line that counts.
    """
    groups: dict[tuple, list[Finding]] = {}
    for finding in findings:
        key = (finding.rule, finding.severity, finding.since)
        groups.setdefault(key, []).append(finding)
    parts = []
    for (name, severity, since), group in groups.items():
        head = f'{severity}: {name}' + (f', since {since}' if since else '')
        lines = [
            *_indent([finding.message for finding in group], '  - '),
            *_indent(dict.fromkeys(f.meaning for f in group), '  = '),
            *_indent(dict.fromkeys(f.advice for f in group), '  > '),
        ]
        parts.append('\n'.join([head, *lines]))
    counts = [
        f'{sum(f.severity == severity for f in findings)} {severity}(s)'
        for severity in (ERROR, WARNING)
    ]
    parts.append(f'{", ".join(counts)} ({len(rules)} rules)')
    return '\n\n'.join(parts)


def list_rules(rules: RuleBook) -> str:
    """Describe all rules.

    Args:
        rules (RuleBook): The rules.

    Returns:
        str: A paragraph for each rule, with its meaning and advice.
    """
    paragraphs = []
    for rule in rules.values():
        read = ', '.join(rule.keys + rule.needs)
        head = f'{rule.severity}: {rule.name}' + (f' ({read})' if read else '')
        lines = [*_indent([rule.meaning], '  = '), *_indent([rule.advice])]
        paragraphs.append('\n'.join([head, *lines]))
    return '\n'.join(paragraphs)


def rule_table(rules: RuleBook) -> str:
    """Describe all rules by their summaries, as the documentation does.

    Args:
        rules (RuleBook): The rules.

    Returns:
        str: A table in Markdown.
    """
    rows = [
        '| rule | severity | what it finds | what to do |',
        '|---|---|---|---|',
    ]
    for rule in rules.values():
        summary = rule.summary.rstrip('.').replace('``', '`')
        cells = (f'`{rule.name}`', rule.severity, summary, rule.advice)
        rows.append(f'| {" | ".join(cells)} |')
    return '\n'.join(rows)


def _indent(texts: Sequence[str], lead: str = '  > ') -> list[str]:
    """Wrapped paragraphs of all texts that are not empty."""
    return [
        fill(
            text,
            _WIDTH,
            initial_indent=lead,
            subsequent_indent=' ' * len(lead),
            break_long_words=False,
            break_on_hyphens=False,
        )
        for text in texts
        if text
    ]
