# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Iterable, Union

#: An error makes a run fail or its result mean nothing; a warning costs
#: accuracy, or leaves a fault unseen.
ERROR, WARNING = 'error', 'warning'


@dataclass(frozen=True)
class Finding:
    """What a rule has found.

    Attributes:
        rule (str): Name of the rule.
        severity (str): ``'error'`` or ``'warning'``.
        message (str): What is wrong, with the place and the numbers.
        advice (str): What to do, in one sentence.
    """

    rule: str
    severity: str
    message: str
    advice: str


@dataclass(frozen=True)
class Milder:
    """A message of a rule of errors that is only worth a warning.

    Attributes:
        message (str): What is wrong.
    """

    message: str


#: Gets the recipe and its data, yields one message per finding.
Check = Callable[..., Iterable[Union[str, Milder]]]


@dataclass(frozen=True)
class Rule:
    """One thing that can be wrong.

    Attributes:
        name (str): Unique, lower case, with hyphens.
        severity (str): ``'error'`` or ``'warning'``.
        advice (str): What to do, in one sentence.
        check (Callable): Called with :class:`Recipe` and
            :class:`RecipeData`; yields messages.
    """

    name: str
    severity: str
    advice: str
    check: Check

    def apply(self, recipe, data) -> Iterable[Finding]:
        """Find what is wrong.

        Args:
            recipe (Recipe): The config.
            data (RecipeData): What is built from it.

        Yields:
            Finding: What the rule has found.
        """
        for message in self.check(recipe, data):
            severity = self.severity
            if isinstance(message, Milder):
                severity, message = WARNING, message.message
            yield Finding(self.name, severity, message, self.advice)


#: All rules by their name, in the order in which they are applied.
RULES: dict[str, Rule] = {}


def rule(name: str, severity: str, advice: str) -> Callable[[Check], Check]:
    """Make a function a rule.

    Args:
        name (str): Name of the rule.
        severity (str): ``'error'`` or ``'warning'``.
        advice (str): What to do, in one sentence.

    Returns:
        Callable: Decorator that leaves the function as it is.

    Raises:
        ValueError: If there is a rule of that name already.
    """

    def register(check: Check) -> Check:
        if name in RULES:
            raise ValueError(f'there are two rules {name!r}')
        RULES[name] = Rule(name, severity, advice, check)
        return check

    return register
