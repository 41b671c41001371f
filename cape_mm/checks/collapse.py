# Copyright (c) cape_mm contributors. All rights reserved.
"""Whether a model has collapsed, by the statistics of a validation.

Two kinds of collapse must be kept apart: (A) the same prediction for every
image, (B) many landmarks on one place.
"""

from __future__ import annotations

import math
import operator
from typing import Mapping, Sequence

from cape_mm.evaluation.functional.collapse import LIMITS

from .rule import ERROR, WARNING, Finding, markdown_table

#: Fault -> its meaning and what to check.
HINTS: dict[str, str] = {
    'dead_head': 'the heatmaps have no peak: look at the learning rate, the '
    'loss, the target weights and whether the weights were loaded',
    'at_the_edge': 'points lie on the border or at (-1, -1), where a map '
    'without positive value is decoded: look at the targets, the loss and '
    'the box',
    'landmarks_merged': 'fault B, different landmarks fall on one place: look '
    'at sigma against the distance of neighbouring landmarks, the number of '
    'channels and the target weights',
    'image_independent': 'fault A, the prediction does not follow the '
    'image: look at the learning rate over time, the loaded weights, the '
    'normalisation and whether labels and images belong together',
    'scattered': 'the points vary more than the landmarks do: the weights are '
    'untrained or have diverged, or belong to another config',
    'no_skill': 'no better than the mean shape of the training data',
}
#: Side of a limit -> its sign and comparison.
_SIDES = dict(below=('<', operator.lt), above=('>', operator.gt))
#: (statistic, side of its limits) -> fault.
_FAULTS = {
    ('peak', 'below'): 'dead_head',
    ('edge_share', 'above'): 'at_the_edge',
    ('spread_in_image', 'below'): 'landmarks_merged',
    ('spread_in_image', 'above'): 'scattered',
    ('merged_pairs', 'above'): 'landmarks_merged',
    ('corr', 'below'): 'image_independent',
    ('spread_ratio', 'below'): 'image_independent',
    ('spread_ratio', 'above'): 'scattered',
    ('mode_share', 'above'): 'image_independent',
    ('skill', 'below'): 'no_skill',
}


def merge_limits(
    changes: Mapping[str, Mapping[str, float | None]] | None = None,
) -> dict[str, dict[str, float]]:
    """All limits of collapse with changes to some; None removes a limit."""
    limits = {name: dict(values) for name, values in LIMITS.items()}
    for name, values in (changes or {}).items():
        if name not in limits:
            raise ValueError(
                f'no statistic {name!r}; there are {", ".join(limits)}'
            )
        for key, value in values.items():
            word, _, side = key.partition('_')
            is_known = word in ('warn', 'critical')
            if not is_known or (name, side) not in _FAULTS:
                raise ValueError(f'{name} has no limit {key!r}')
            limits[name][key] = value
    return {
        name: {key: v for key, v in values.items() if v is not None}
        for name, values in limits.items()
    }


def judge_collapse(
    statistics: Mapping[str, float],
    limits: Mapping[str, Mapping[str, float]] = LIMITS,
) -> list[Finding]:
    """Statistics beyond a limit, critical (errors) first; meaning: fault."""
    findings: dict[str, Finding] = {}
    for severity, word in ((ERROR, 'critical'), (WARNING, 'warn')):
        for (name, side), fault in _FAULTS.items():
            value = statistics.get(name, math.nan)
            limit = limits[name].get(f'{word}_{side}', math.nan)
            sign, is_beyond = _SIDES[side]
            if is_beyond(value, limit):
                rule = f'{name}-{side}'
                text = f'{name} {value:.3g} {sign} {limit:g}'
                parts = (rule, severity, text, HINTS[fault], fault, (name,))
                findings.setdefault(rule, Finding(*parts))
    return list(findings.values())


def collapse_level(findings: Sequence[Finding]) -> int:
    """Level in the log: 0 without, 1 for warnings only, 2 with a critical."""
    levels = {WARNING: 1, ERROR: 2}
    return max((levels[finding.severity] for finding in findings), default=0)


def describe_collapse(findings: Sequence[Finding]) -> str:
    """Faults with their statistics and hints, most serious first, a line."""
    signs: dict[str, list[str]] = {}
    for finding in findings:
        signs.setdefault(finding.meaning, []).append(finding.message)
    return '; '.join(
        f'{fault} ({", ".join(texts)}): {HINTS[fault]}'
        for fault, texts in signs.items()
    )


def limit_table() -> str:
    """Describe the limits of collapse, as the documentation does.

    Returns:
        str: A table in Markdown.
    """
    rows = []
    for name, limits in LIMITS.items():
        cells = [
            ', '.join(
                f'{sign} {limits[f"{word}_{side}"]:g}'
                for side, (sign, _) in _SIDES.items()
                if f'{word}_{side}' in limits
            )
            for word in ('warn', 'critical')
        ]
        faults = [f'`{f}`' for (key, _), f in _FAULTS.items() if key == name]
        rows.append((f'`{name}`', *cells, ', '.join(faults)))
    header = ('statistic', 'warning', 'critical', 'fault')
    return markdown_table(header, rows)
