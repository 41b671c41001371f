# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import Callable, List, Mapping, NamedTuple, Optional

from .log_file import LogLine

#: An error makes tracking fail; a warning costs accuracy or hides a fault.
ERROR, WARNING = 'error', 'warning'

#: So many lines at the end must be off, unless the log has fewer.
LASTING = 3


class Trouble(NamedTuple):
    """What a check has seen.

    Attributes:
        since (LogLine): Where it began.
        message (str): The numbers.
    """

    since: LogLine
    message: str


@dataclass(frozen=True)
class Finding:
    """What is off in a log.

    Attributes:
        rule (str): Name of the rule.
        severity (str): ``'error'`` or ``'warning'``.
        keys (Tuple[str, ...]): Keys that are off.
        since (str): Where it began.
        message (str): The numbers.
        meaning (str): What it means.
        advice (str): What to do.
    """

    rule: str
    severity: str
    keys: tuple[str, ...]
    since: str
    message: str
    meaning: str
    advice: str


#: Gets the lines that have all that the rule looks at.
Check = Callable[[List[LogLine]], Optional[Trouble]]


@dataclass(frozen=True)
class Rule:
    """One thing that can be off.

    Attributes:
        name (str): Unique, lower case, with hyphens.
        severity (str): ``'error'`` or ``'warning'``.
        keys (Tuple[str, ...]): What is off then.
        needs (Tuple[str, ...]): What else it looks at.
        meaning (str): What it means.
        advice (str): What to do.
        check (Callable): Says whether and since when.
    """

    name: str
    severity: str
    keys: tuple[str, ...]
    needs: tuple[str, ...]
    meaning: str
    advice: str
    check: Check


#: All rules by their name, in the order in which they are applied.
RULES: dict[str, Rule] = {}


def rule(
    name: str,
    severity: str,
    meaning: str,
    advice: str,
    keys: tuple[str, ...],
    needs: tuple[str, ...] = (),
) -> Callable[[Check], Check]:
    """Make a function a rule.

    Args:
        name (str): Name of the rule.
        severity (str): ``'error'`` or ``'warning'``.
        meaning (str): What it means.
        advice (str): What to do.
        keys (Tuple[str, ...]): What is off then.
        needs (Tuple[str, ...]): What else it looks at. A rule says nothing if
            no line has all of both.

    Returns:
        Callable: Decorator that leaves the function as it is.

    Raises:
        ValueError: If there is a rule of that name already.
    """

    def register(check: Check) -> Check:
        if name in RULES:
            raise ValueError(f'there are two rules {name!r}')
        RULES[name] = Rule(name, severity, keys, needs, meaning, advice, check)
        return check

    return register


def lasting(
    lines: list[LogLine], is_off: Callable[[Mapping[str, float]], bool]
) -> LogLine | None:
    """Find since when something has been off without a break until the end.

    Args:
        lines (List[LogLine]): At least one.
        is_off (Callable): Gets the values of a line.

    Returns:
        LogLine: The first line that is off, None if the last ones are not.
    """
    count = 0
    for line in reversed(lines):
        if not is_off(line.values):
            break
        count += 1
    return lines[-count] if count >= min(LASTING, len(lines)) else None


def thirds(lines: list[LogLine], key: str) -> list[float] | None:
    """Medians of a key in the three thirds of a log.

    Args:
        lines (List[LogLine]): In order.
        key (str): Of all of them.

    Returns:
        List[float]: Three medians; None if a third has fewer than 3 lines.
    """
    size = len(lines) // 3
    if size < LASTING:
        return None
    values = [line.values[key] for line in lines]
    return [
        median(values[:size]),
        median(values[size:-size]),
        median(values[-size:]),
    ]
