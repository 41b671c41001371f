# Copyright (c) cape_mm contributors. All rights reserved.
"""From statistics of a validation to a named fault.

Two kinds of collapse must be told apart: (A) the same prediction for every
image, (B) many landmarks on one place. The limits come from simulated
predictors: errors of 1.5 mm and 4 mm stay within all of them, a constant
shape, with or without noise, points that fall together, points at the border
and random points do not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Mapping

#: Levels of a verdict.
OK, WARNING, CRITICAL = 0, 1, 2

#: Statistic -> limits. The order is that in which signs of one level are
#: named: causes before what follows from them.
LIMITS: dict[str, dict[str, float]] = {
    'peak': dict(warn_below=0.1),
    'edge_share': dict(warn_above=0.05, critical_above=0.5),
    'spread_in_image': dict(
        warn_below=0.7, critical_below=0.3, warn_above=1.4
    ),
    'merged_pairs': dict(warn_above=0.05),
    'corr': dict(warn_below=0.5, critical_below=0.2),
    'spread_ratio': dict(warn_below=0.5, critical_below=0.2, warn_above=2.0),
    'mode_share': dict(warn_above=0.5),
    'skill': dict(warn_below=0.2),
}

#: (statistic, side) -> fault.
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

#: Fault -> what it means and what to look at.
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


@dataclass(frozen=True)
class CollapseSign:
    """One statistic beyond one of its limits.

    Attributes:
        statistic (str): Key of ``LIMITS``.
        value (float): What was measured.
        limit (float): What it is beyond.
        side (str): ``'below'`` or ``'above'``.
        level (int): ``WARNING`` or ``CRITICAL``.
        fault (str): Key of ``HINTS``.
    """

    statistic: str
    value: float
    limit: float
    side: str
    level: int
    fault: str

    def __str__(self) -> str:
        relation = '<' if self.side == 'below' else '>'
        return f'{self.statistic} {self.value:.3g} {relation} {self.limit:g}'


@dataclass(frozen=True)
class CollapseVerdict:
    """What the statistics of one validation mean.

    Attributes:
        level (int): ``OK``, ``WARNING`` or ``CRITICAL``.
        signs (Tuple[CollapseSign, ...]): The most serious first.
        unjudged (Tuple[str, ...]): Statistics that are missing or NaN.
    """

    level: int
    signs: tuple[CollapseSign, ...]
    unjudged: tuple[str, ...]

    @property
    def faults(self) -> tuple[str, ...]:
        """Names of all faults, the most serious first."""
        return tuple(dict.fromkeys(sign.fault for sign in self.signs))

    def __str__(self) -> str:
        if not self.signs:
            return 'no sign of collapse'
        parts = []
        for fault in self.faults:
            signs = [str(s) for s in self.signs if s.fault == fault]
            parts.append(f'{fault} ({", ".join(signs)}): {HINTS[fault]}')
        return '; '.join(parts)


def merge_limits(
    changes: Mapping[str, Mapping[str, float | None]] | None = None,
) -> dict[str, dict[str, float]]:
    """Change some of the limits.

    Args:
        changes (Mapping, optional): Statistic -> ``warn_below``,
            ``critical_below``, ``warn_above`` or ``critical_above``; None
            removes a limit.

    Returns:
        Dict[str, Dict[str, float]]: All limits.

    Raises:
        ValueError: If a statistic or a limit is unknown.
    """
    limits = {name: dict(values) for name, values in LIMITS.items()}
    for name, values in (changes or {}).items():
        if name not in limits:
            raise ValueError(
                f'no statistic {name!r}; there are {", ".join(limits)}'
            )
        for key, value in values.items():
            side = key.split('_')[-1]
            if (
                key not in (f'warn_{side}', f'critical_{side}')
                or (name, side) not in _FAULTS
            ):
                raise ValueError(f'{name} has no limit {key!r}')
            limits[name][key] = value
    return {
        name: {key: v for key, v in values.items() if v is not None}
        for name, values in limits.items()
    }


def judge_collapse(
    statistics: Mapping[str, float],
    limits: Mapping[str, Mapping[str, float]] | None = None,
) -> CollapseVerdict:
    """Compare statistics with their limits.

    Args:
        statistics (Mapping[str, float]): Those of ``LIMITS``, of which any
            may be missing or NaN; other keys are ignored. Shares are in
            [0, 1].
        limits (Mapping, optional): Of :func:`merge_limits`. Defaults to
            ``LIMITS``.

    Returns:
        CollapseVerdict: The verdict.
    """
    signs: list[CollapseSign] = []
    unjudged = []
    for name, values in (LIMITS if limits is None else limits).items():
        value = statistics.get(name)
        if value is None or math.isnan(value):
            unjudged.append(name)
            continue
        for side in ('below', 'above'):
            sign = _find_sign(name, float(value), side, values)
            if sign is not None:
                signs.append(sign)
    signs.sort(key=lambda sign: -sign.level)
    level = signs[0].level if signs else OK
    return CollapseVerdict(level, tuple(signs), tuple(unjudged))


def _find_sign(
    name: str, value: float, side: str, limits: Mapping[str, float]
) -> CollapseSign | None:
    """The most serious limit of one side that the value is beyond."""
    for level, word in ((CRITICAL, 'critical'), (WARNING, 'warn')):
        limit = limits.get(f'{word}_{side}')
        if limit is None:
            continue
        if value < limit if side == 'below' else value > limit:
            fault = _FAULTS[name, side]
            return CollapseSign(name, value, limit, side, level, fault)
    return None
