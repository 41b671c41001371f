# Copyright (c) cape_mm contributors. All rights reserved.
"""Rules on a validation: has the model collapsed, does a metric get worse.

Two kinds of collapse must be kept apart: (A) the same prediction for every
image, (B) many landmarks on one place.
"""

from __future__ import annotations

import math
import operator
from typing import Iterator, Mapping, Sequence

from cape_mm.evaluation.functional.collapse import LIMITS
from cape_mm.evaluation.functional.statistics import ValidationTrend

from .rule import ERROR, WARNING, Finding, Message, RuleBook

#: Rules on the statistics of ``LIMITS``, causes before what follows from them.
COLLAPSE_RULES = RuleBook()
#: Rules on the trend of a metric.
TREND_RULES = RuleBook()

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


def _register(statistic: str, side: str, fault: str) -> None:
    """Make the limits on one side of a statistic a rule."""

    def check(
        statistics: Mapping[str, float],
        limits: Mapping[str, Mapping[str, float]],
    ) -> Iterator[Message]:
        value = statistics.get(statistic, math.nan)
        relation, is_beyond = _SIDES[side]
        for severity, word in ((ERROR, 'critical'), (WARNING, 'warn')):
            limit = limits[statistic].get(f'{word}_{side}', math.nan)
            if is_beyond(value, limit):
                text = f'{statistic} {value:.3g} {relation} {limit:g}'
                yield Message(text, severity)
                return

    COLLAPSE_RULES.warning(
        HINTS[fault], fault, (statistic,), name=f'{statistic}-{side}'
    )(check)


for (_statistic, _side), _fault in _FAULTS.items():
    _register(_statistic, _side, _fault)


def merge_limits(
    changes: Mapping[str, Mapping[str, float | None]] | None = None,
) -> dict[str, dict[str, float]]:
    """All limits of collapse, some of them changed.

    ``changes`` maps a statistic to ``warn_below``, ``critical_below``,
    ``warn_above`` or ``critical_above``; None removes a limit.
    """
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
    """Compare statistics of a validation with their limits.

    Args:
        statistics (Mapping[str, float]): Values of the keys of ``LIMITS``, of
            which any may be missing or NaN; other keys are ignored. Shares
            are in [0, 1].
        limits (Mapping): Result of :func:`merge_limits`. Defaults to
            ``LIMITS``.

    Returns:
        list[Finding]: Statistics beyond a limit, errors (critical) first. The
        fault, a key of ``HINTS``, is the ``meaning``.
    """
    findings = COLLAPSE_RULES.run(lambda rule: (statistics, limits))
    return sorted(findings, key=lambda finding: finding.severity != ERROR)


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
    rows = [
        '| statistic | warning | critical | fault |',
        '|---|---|---|---|',
    ]
    for name, limits in LIMITS.items():
        cells = [f'`{name}`']
        for word in ('warn', 'critical'):
            texts = [
                f'{sign} {limits[f"{word}_{side}"]:g}'
                for side, (sign, _) in _SIDES.items()
                if f'{word}_{side}' in limits
            ]
            cells.append(', '.join(texts))
        faults = [f'`{f}`' for (key, _), f in _FAULTS.items() if key == name]
        cells.append(', '.join(faults))
        rows.append(f'| {" | ".join(cells)} |')
    return '\n'.join(rows)


@TREND_RULES.warning(
    'Check the learning rate and the gradients since the best validation.'
)
def sudden_drop(
    trend: ValidationTrend, max_drop: float, *_: float
) -> Iterator[str]:
    """A value that is worse than the best one by more than ``max_drop``."""
    if trend.drop > max_drop:
        yield (
            f'sudden drop, {trend.last:.4g} is {trend.drop:.0%} worse than '
            f'the best value {trend.best:.4g}'
        )


@TREND_RULES.warning(
    'Stop, or make sure that it is not the end of the schedule.'
)
def plateau(
    trend: ValidationTrend, max_drop: float, min_delta: float, patience: int
) -> Iterator[str]:
    """No gain above ``min_delta`` in ``patience`` validations."""
    if trend.stale >= patience:
        yield (
            f'plateau, no gain above {min_delta:g} in the last {trend.stale} '
            'validations'
        )
