# Copyright (c) cape_mm contributors. All rights reserved.
"""The engine of all checks: rules, their findings, and the one runner."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from textwrap import shorten
from typing import Any, Callable, Dict, Iterable, Sequence, Union

#: An error makes a run fail or its result mean nothing; a warning costs
#: accuracy, or hides a fault.
ERROR, WARNING = 'error', 'warning'

_NUM_NAMED = 3
_WIDTH = 300


@dataclass(frozen=True)
class Finding:
    """One fault that a rule has found.

    Attributes:
        rule (str): Name of the rule.
        severity (str): ``'error'`` or ``'warning'``.
        message (str): The fault, with its place and numbers.
        advice (str): The remedy.
        meaning (str): The consequence; empty if the message says it.
        keys (tuple[str, ...]): Logged values that are off.
        since (str): Place in a log where the fault began.
    """

    rule: str
    severity: str
    message: str
    advice: str
    meaning: str = ''
    keys: tuple[str, ...] = ()
    since: str = ''


@dataclass(frozen=True)
class Message:
    """A message of a check that needs more than its text.

    Attributes:
        text (str): The fault, with its place and numbers.
        severity (str, optional): Severity if not that of the rule.
        since (str): Place in a log where the fault began.
    """

    text: str
    severity: str | None = None
    since: str = ''


#: Yields one message per fault of what it is given.
Check = Callable[..., Iterable[Union[str, Message]]]


@dataclass(frozen=True)
class Rule:
    """One thing that can be wrong.

    Attributes:
        name (str): Unique, lower case, with hyphens or underscores.
        severity (str): ``'error'`` or ``'warning'``.
        advice (str): The remedy.
        check (Callable): Function that yields a message for each fault. The
            first line of its docstring is the summary of the rule.
        meaning (str): The consequence of the fault.
        keys (tuple[str, ...]): Logged values that are off.
        needs (tuple[str, ...]): Other logged values that the check reads.
    """

    name: str
    severity: str
    advice: str
    check: Check
    meaning: str = ''
    keys: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()

    @property
    def summary(self) -> str:
        """str: The docstring's first line, with limits for their names.

        ``{NAME}`` in it stands for the constant of the check's module.
        """
        line = (self.check.__doc__ or '').strip().splitlines()[0]
        return line.format_map(inspect.unwrap(self.check).__globals__)

    def apply(self, *subject: Any) -> Iterable[Finding]:
        """Find what is wrong.

        Args:
            *subject (Any): Arguments of the check.

        Yields:
            Finding: One for each message of the check.
        """
        for message in self.check(*subject):
            if isinstance(message, str):
                message = Message(message)
            yield Finding(
                self.name,
                message.severity or self.severity,
                message.text,
                self.advice,
                self.meaning,
                self.keys,
                message.since,
            )


class RuleBook(Dict[str, Rule]):
    """Rules by their name, in the order in which they are applied."""

    def rule(
        self,
        severity: str,
        advice: str,
        meaning: str = '',
        keys: tuple[str, ...] = (),
        needs: tuple[str, ...] = (),
        name: str = '',
    ) -> Callable[[Check], Check]:
        """Make a function a rule of the book.

        Args:
            severity (str): ``'error'`` or ``'warning'``.
            advice (str): The remedy.
            meaning (str): The consequence of the fault.
            keys (tuple[str, ...]): Logged values that are off.
            needs (tuple[str, ...]): Other logged values that the check reads.
            name (str): Name of the rule. Defaults to that of the function
                with hyphens: ``no_tracks`` is the rule ``no-tracks``.

        Returns:
            Callable: Decorator that leaves the function as it is.

        Raises:
            ValueError: If there is a rule of that name already.
        """

        def register(check: Check) -> Check:
            key = name or check.__name__.replace('_', '-')
            if key in self:
                raise ValueError(f'there are two rules {key!r}')
            self[key] = Rule(
                key, severity, advice, check, meaning, keys, needs
            )
            return check

        return register

    def error(self, *args: Any, **kwargs: Any) -> Callable[[Check], Check]:
        """Make a function a rule of errors; see :meth:`rule`."""
        return self.rule(ERROR, *args, **kwargs)

    def warning(self, *args: Any, **kwargs: Any) -> Callable[[Check], Check]:
        """Make a function a rule of warnings; see :meth:`rule`."""
        return self.rule(WARNING, *args, **kwargs)

    def check_names(self, names: Iterable[str]) -> None:
        """Refuse names of rules that do not exist.

        Args:
            names (Iterable[str]): Names of rules.

        Raises:
            KeyError: If there is no rule of a name.
        """
        unknown = [name for name in names if name not in self]
        if unknown:
            raise KeyError(f'there is no rule {", ".join(unknown)}')

    def run(
        self,
        subject_of: Callable[[Rule], tuple | None],
        ignore: Iterable[str] = (),
    ) -> list[Finding]:
        """Apply all rules.

        A rule that fails is a finding of its own, so that the others help.

        Args:
            subject_of (Callable): Arguments of a rule's check; None if the
                rule does not apply.
            ignore (Iterable[str]): Names of rules that are left out.

        Returns:
            list[Finding]: Findings in the order of the rules.

        Raises:
            KeyError: If there is no rule of a name to be ignored.
        """
        ignore = set(ignore)
        self.check_names(sorted(ignore))
        findings: list[Finding] = []
        for rule in self.values():
            subject = None if rule.name in ignore else subject_of(rule)
            if subject is None:
                continue
            try:
                findings += rule.apply(*subject)
            except Exception as error:
                # a config can be wrong in any way
                findings.append(
                    Finding(
                        rule.name,
                        WARNING,
                        f'could not be checked: {brief(error)}',
                        'Follow the other findings first.',
                    )
                )
        return findings


#: Rules on configs and the data that they name.
CONFIG_RULES = RuleBook()
#: Rules on logs of pose tracking.
LOG_RULES = RuleBook()


def brief(error: BaseException) -> str:
    """Type of an error and the beginning of its message, in one line."""
    text = f'{type(error).__name__}: {error}'
    return shorten(text, _WIDTH, placeholder=' ...')


def some_of(names: Sequence[object]) -> str:
    """The first three names, and dots if there are more."""
    dots = ['...'] if len(names) > _NUM_NAMED else []
    return ', '.join([*map(str, names[:_NUM_NAMED]), *dots])
