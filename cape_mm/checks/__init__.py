# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from typing import Any

from .log_rules.log_file import LogLine, TrackingLog, read_log
from .log_rules.log_report import HEALTHY, examine_log, report_log
from .report import list_rules, report_findings, rule_table
from .rule import (
    ERROR,
    LOG_RULES,
    WARNING,
    Finding,
    Message,
    Rule,
    RuleBook,
)
from .validation_rules import (
    COLLAPSE_RULES,
    TREND_RULES,
    judge_collapse,
    limit_table,
)

__all__ = [
    'COLLAPSE_RULES',
    'CONFIG_RULES',
    'ERROR',
    'HEALTHY',
    'LOG_RULES',
    'WARNING',
    'Finding',
    'LogLine',
    'Message',
    'Rule',
    'RuleBook',
    'TREND_RULES',
    'TrackingLog',
    'examine_config',
    'examine_log',
    'judge_collapse',
    'limit_table',
    'list_rules',
    'read_log',
    'report_findings',
    'report_log',
    'rule_table',
]


def __getattr__(name: str) -> Any:
    # Hooks import the rules on validations from this package; those of the
    # doctor would bring datasets and models along.
    if name in ('CONFIG_RULES', 'examine_config'):
        from . import examine

        return getattr(examine, name)
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
