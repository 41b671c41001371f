# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from typing import Sequence

from . import rules  # noqa: F401 - makes the rules known
from .keys import HEALTHY
from .log_file import TrackingLog
from .rule import RULES, Finding


def diagnose(log: TrackingLog, ignore: Sequence[str] = ()) -> list[Finding]:
    """Apply all rules to a log.

    Args:
        log (TrackingLog): What a training has written.
        ignore (Sequence[str]): Names of rules to leave out.

    Returns:
        List[Finding]: What is off, in the order of the rules.

    Raises:
        ValueError: If no key of pose tracking is there.
    """
    known = set(HEALTHY) - {'loss', 'grad_norm', 'memory', 'time', 'data_time'}
    if not any(known & set(line.values) for line in log.lines):
        raise ValueError(
            f'{log.path} has none of the keys of pose tracking, such as '
            'loss_kpt and n_trk: it is the log of another family'
        )
    findings = []
    for rule in RULES.values():
        lines = log.having(*rule.keys, *rule.needs)
        if rule.name in ignore or not lines:
            continue
        trouble = rule.check(lines)
        if trouble is not None:
            findings.append(
                Finding(
                    rule=rule.name,
                    severity=rule.severity,
                    keys=rule.keys,
                    since=trouble.since.place,
                    message=trouble.message,
                    meaning=rule.meaning,
                    advice=rule.advice,
                )
            )
    return findings
