# Copyright (c) cape_mm contributors. All rights reserved.
from .examine import examine
from .report import list_rules, report_findings
from .rule import ERROR, RULES, WARNING, Finding, Rule

__all__ = [
    'ERROR',
    'RULES',
    'WARNING',
    'Finding',
    'Rule',
    'examine',
    'list_rules',
    'report_findings',
]
