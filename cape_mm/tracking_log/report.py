# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from textwrap import fill
from typing import Sequence

from . import rules  # noqa: F401 - makes the rules known
from .keys import HEALTHY
from .log_file import TrackingLog
from .rule import ERROR, RULES, WARNING, Finding

_WIDTH = 79


def report_diagnosis(log: TrackingLog, findings: Sequence[Finding]) -> str:
    """Write the diagnosis of a log, for humans.

    Args:
        log (TrackingLog): The log.
        findings (Sequence[Finding]): Of :func:`diagnose`.

    Returns:
        str: A table of the keys, a paragraph for each finding, and a last
        line that counts.
    """
    first, last = log.lines[0].place, log.lines[-1].place
    span = first if first == last else f'{first} to {last}'
    runs = ''
    if len(log.files) > 1:
        names = ', '.join(file.parents[1].name for file in log.files)
        runs = f'joined from {len(log.files)} runs: {names}\n'
    parts = [
        f'{log.path}\n{runs}{len(log.lines)} line(s) of training: {span}',
        _table(log, findings),
    ]
    for finding in findings:
        head = f'{finding.severity}: {finding.rule}, since {finding.since}'
        lines = [
            head,
            _indent(finding.message, '  - '),
            _indent(finding.meaning, '  = '),
            _indent(finding.advice, '  > '),
        ]
        parts.append('\n'.join(lines))
    counts = [
        f'{sum(f.severity == severity for f in findings)} {severity}(s)'
        for severity in (ERROR, WARNING)
    ]
    parts.append(f'{", ".join(counts)} ({len(RULES)} rules)')
    return '\n\n'.join(parts)


def list_rules() -> str:
    """Write all rules with their meaning and advice.

    Returns:
        str: A paragraph for each rule.
    """
    return '\n'.join(
        '\n'.join(
            (
                f'{rule.severity}: {rule.name} '
                f'({", ".join(rule.keys + rule.needs)})',
                _indent(rule.meaning, '  = '),
                _indent(rule.advice, '  > '),
            )
        )
        for rule in RULES.values()
    )


def _table(log: TrackingLog, findings: Sequence[Finding]) -> str:
    off = {key: f.severity for f in reversed(findings) for key in f.keys}
    rows = [('key', 'first', 'last', 'healthy', 'state')]
    others = {key for line in log.lines for key in line.values}
    healthy_keys = dict(HEALTHY)
    for key in sorted(others - set(HEALTHY)):
        if 'loss' in key:
            healthy_keys[key] = 'falls'
    for key, healthy in healthy_keys.items():
        lines = log.having(key)
        if lines:
            values = (lines[0].values[key], lines[-1].values[key])
            # Without tracks, the log repeats what it last knew of them.
            old = 'n_trk' in off and key.startswith('trk_')
            state = 'old' if old else off.get(key, 'ok')
            numbers = [f'{value:.5g}' for value in values]
            rows.append((key, *numbers, healthy, state))
    widths = [max(map(len, column)) for column in zip(*rows)]
    return '\n'.join(_row(row, widths) for row in rows)


def _row(cells: Sequence[str], widths: list[int]) -> str:
    padded = (cell.ljust(width) for cell, width in zip(cells, widths))
    return '  '.join(padded).rstrip()


def _indent(text: str, lead: str) -> str:
    return fill(
        text,
        _WIDTH,
        initial_indent=lead,
        subsequent_indent=' ' * len(lead),
        break_long_words=False,
        break_on_hyphens=False,
    )
