# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from textwrap import fill
from typing import Sequence

from .rule import ERROR, RULES, WARNING, Finding

_WIDTH = 79


def report_findings(findings: Sequence[Finding]) -> str:
    """Write what was found, for humans.

    Args:
        findings (Sequence[Finding]): Of :func:`examine`.

    Returns:
        str: A paragraph for each rule, and a last line that counts.
    """
    parts: list[str] = []
    names = list(dict.fromkeys((f.rule, f.severity) for f in findings))
    for name, severity in names:
        mine = [
            f for f in findings if (f.rule, f.severity) == (name, severity)
        ]
        lines = [f'{severity}: {name}']
        lines += [_indent(finding.message, '  - ') for finding in mine]
        lines += [_indent(advice, '  > ') for advice in _advices(mine)]
        parts.append('\n'.join(lines))
    counts = [
        f'{sum(f.severity == severity for f in findings)} {severity}(s)'
        for severity in (ERROR, WARNING)
    ]
    parts.append(f'{", ".join(counts)} ({len(RULES)} rules)')
    return '\n\n'.join(parts)


def list_rules() -> str:
    """Write all rules with their advice.

    Returns:
        str: A paragraph for each rule.
    """
    return '\n'.join(
        f'{rule.severity}: {rule.name}\n{_indent(rule.advice, "  > ")}'
        for rule in RULES.values()
    )


def _advices(findings: Sequence[Finding]) -> list[str]:
    return list(dict.fromkeys(finding.advice for finding in findings))


def _indent(text: str, lead: str) -> str:
    return fill(
        text,
        _WIDTH,
        initial_indent=lead,
        subsequent_indent=' ' * len(lead),
        break_long_words=False,
        break_on_hyphens=False,
    )
