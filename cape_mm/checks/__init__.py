# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from typing import Any

from .collapse import limit_table
from .log_rules.log_file import read_log
from .log_rules.log_report import HEALTHY, examine_log, report_log
from .rule import (
    ERROR,
    LOG_RULES,
    WARNING,
    Finding,
    list_rules,
    report_findings,
    rule_table,
)

__all__ = [
    'CONFIG_RULES',
    'ERROR',
    'HEALTHY',
    'LOG_RULES',
    'WARNING',
    'Finding',
    'examine_config',
    'examine_log',
    'limit_table',
    'list_rules',
    'read_log',
    'report_findings',
    'report_log',
    'rule_table',
]


def __getattr__(name: str) -> Any:
    # Hooks import the limits of collapse from this package; the rules of the
    # doctor would bring datasets and models along.
    if name in ('CONFIG_RULES', 'examine_config'):
        from . import examine

        return getattr(examine, name)
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
