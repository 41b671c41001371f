# Copyright (c) cape_mm contributors. All rights reserved.
"""The analyser: all rules on a log of pose tracking, and its report."""

from __future__ import annotations

from typing import Iterable, Sequence

from ..rule import LOG_RULES, Finding, Rule, report_findings
from . import tracks, training  # noqa: F401, fill LOG_RULES in this order
from .log_file import LogLine, TrackingLog

#: Keys of a training log of pose tracking and what a healthy run shows, in
#: the order of the report. The page `reading_the_tracking_log.md` has more.
HEALTHY: dict[str, str] = {
    'loss': 'falls, negative after a while',
    'enc_loss_cls': 'falls',
    'enc_loss_kpt': 'falls',
    'd0.loss_cls': 'falls',
    'd0.loss_kpt': 'falls',
    'd1.loss_cls': 'falls',
    'd1.loss_kpt': 'falls, not above d0',
    'loss_cls': 'falls',
    'loss_kpt': 'falls, not above d0 and d1',
    'd0.loss_kpt_refine': 'falls',
    'd1.loss_kpt_refine': 'falls, not above d0',
    'loss_l1': 'falls',
    'loss_oks': 'falls',
    'loss_nbr': 'falls',
    'loss_hm': 'falls',
    'loss_vis': 'falls',
    'trk_kpt_l1': 'near det_kpt_l1',
    'det_kpt_l1': 'falls to 0.01 .. 0.03',
    'n_trk': 'above 0.5',
    'n_trk_pos': '50 .. 95 % of n_trk',
    'n_det_pos': 'above 0.05',
    'trk_id_con': 'above 0.7, later above 0.9',
    'trk_cls_val': 'falls',
    'det_cls_val': 'falls',
    'grad_norm': 'steady, below 200',
    'memory': 'fits the card',
    'data_time': 'small part of time',
    'time': 'steady',
}
_OF_ALL_FAMILIES = {'loss', 'grad_norm', 'memory', 'time', 'data_time'}


def examine_log(log: TrackingLog, ignore: Iterable[str] = ()) -> list[Finding]:
    """Look for faults in a log of pose tracking.

    Args:
        log (TrackingLog): Log of a training.
        ignore (Iterable[str]): Names of rules that are left out.

    Returns:
        list[Finding]: Faults in the order of the rules.

    Raises:
        ValueError: If no key of pose tracking is there.
        KeyError: If there is no rule of a name to be ignored.
    """
    known = set(HEALTHY) - _OF_ALL_FAMILIES
    if not any(known & set(line.values) for line in log.lines):
        raise ValueError(
            f'{log.path} has none of the keys of pose tracking, such as '
            'loss_kpt and n_trk: it is the log of another family'
        )

    def lines_of(rule: Rule) -> tuple[list[LogLine]] | None:
        lines = log.having(*rule.reads)
        return (lines,) if lines else None

    return LOG_RULES.run(lines_of, ignore)


def report_log(log: TrackingLog, findings: Sequence[Finding]) -> str:
    """Describe a log and its faults.

    Args:
        log (TrackingLog): The log.
        findings (Sequence[Finding]): Findings of :func:`examine_log`.

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
    return '\n\n'.join(
        [
            f'{log.path}\n{runs}{len(log.lines)} line(s) of training: {span}',
            _table(log, findings),
            report_findings(findings, LOG_RULES),
        ]
    )


def _table(log: TrackingLog, findings: Sequence[Finding]) -> str:
    """First and last value of each key, and whether it is off."""
    off = {key: f.severity for f in reversed(findings) for key in f.keys}
    rows = [('key', 'first', 'last', 'healthy', 'state')]
    others = {key for line in log.lines for key in line.values} - set(HEALTHY)
    losses = {key: 'falls' for key in sorted(others) if 'loss' in key}
    for key, healthy in {**HEALTHY, **losses}.items():
        lines = log.having(key)
        if lines:
            values = (lines[0].values[key], lines[-1].values[key])
            # Without tracks, the log repeats the last values with tracks.
            old = 'n_trk' in off and key.startswith('trk_')
            state = 'old' if old else off.get(key, 'ok')
            numbers = [f'{value:.5g}' for value in values]
            rows.append((key, *numbers, healthy, state))
    widths = [max(map(len, column)) for column in zip(*rows)]
    padded = [map(str.ljust, row, widths) for row in rows]
    return '\n'.join('  '.join(cells).rstrip() for cells in padded)
