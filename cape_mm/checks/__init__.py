# Copyright (c) cape_mm contributors. All rights reserved.
from .examine import examine_config
from .log_rules.log_file import LogLine, TrackingLog, read_log
from .log_rules.log_report import HEALTHY, examine_log, report_log
from .report import list_rules, report_findings, rule_table
from .rule import (
    CONFIG_RULES,
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
