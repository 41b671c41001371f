# Copyright (c) cape_mm contributors. All rights reserved.
from .diagnosis import diagnose
from .keys import HEALTHY
from .log_file import LogLine, TrackingLog, read_log
from .report import list_rules, report_diagnosis
from .rule import ERROR, RULES, WARNING, Finding

__all__ = [
    'ERROR',
    'HEALTHY',
    'RULES',
    'WARNING',
    'Finding',
    'LogLine',
    'TrackingLog',
    'diagnose',
    'list_rules',
    'read_log',
    'report_diagnosis',
]
