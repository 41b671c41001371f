# Copyright (c) cape_mm contributors. All rights reserved.
"""The engine of all checks: rules, their findings, and both in words."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from functools import partial, partialmethod
from textwrap import fill, shorten
from typing import Any, Callable, Dict, Iterable, NamedTuple, Sequence, Union

#: An error makes a run fail or its result mean nothing; a warning costs
#: accuracy, or hides a fault.
ERROR, WARNING = 'error', 'warning'

_NUM_NAMED = 3
_MAX_ERROR, _WIDTH = 300, 79


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


class Message(NamedTuple):
    """A message of a check that needs more than its text."""

    text: str
    severity: str | None = None  # if not that of the rule
    since: str = ''  # place in a log where the fault began


#: Yields one message per fault of what it is given.
Check = Callable[..., Iterable[Union[str, Message]]]


@dataclass(frozen=True)
class Rule:
    """One thing that can be wrong."""

    name: str  # lower case, with hyphens
    severity: str
    advice: str  # the remedy
    check: Check
    meaning: str = ''  # the consequence of the fault
    reads: tuple[str, ...] = ()  # logged values, first the one that is off

    @property
    def summary(self) -> str:
        """First line of the check's docstring, with constants for {NAMES}."""
        line = (self.check.__doc__ or '').strip().splitlines()[0]
        return line.format_map(inspect.unwrap(self.check).__globals__)

    def apply(self, *subject: Any) -> Iterable[Finding]:
        """Yield a finding for each message of the check."""
        for message in self.check(*subject):
            if isinstance(message, str):
                message = Message(message)
            yield Finding(
                self.name,
                message.severity or self.severity,
                message.text,
                self.advice,
                self.meaning,
                self.reads[:1],
                message.since,
            )


class RuleBook(Dict[str, Rule]):
    """Rules by their name, in the order in which they are applied."""

    def rule(
        self, severity: str, advice: str, *args: str, **kwargs: Any
    ) -> Callable[[Check], Check]:
        """Make ``some_fault`` the rule ``some-fault``; arguments of Rule."""

        def register(check: Check) -> Check:
            name = check.__name__.replace('_', '-')
            if name in self:
                raise ValueError(f'there are two rules {name!r}')
            self[name] = Rule(name, severity, advice, check, *args, **kwargs)
            return check

        return register

    error = partialmethod(rule, ERROR)
    warning = partialmethod(rule, WARNING)

    def check_names(self, names: Iterable[str]) -> None:
        """Refuse names of rules that do not exist with a KeyError."""
        unknown = [name for name in names if name not in self]
        if unknown:
            raise KeyError(f'there is no rule {", ".join(unknown)}')

    def run(
        self,
        subject_of: Callable[[Rule], tuple | None],
        ignore: Iterable[str] = (),
    ) -> list[Finding]:
        """Apply all rules to their arguments; not where these are None."""
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
                # a config can be wrong in any way; the other rules help
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
    return shorten(text, _MAX_ERROR, placeholder=' ...')


def some_of(names: Sequence[object]) -> str:
    """The first three names, and dots if there are more."""
    dots = ['...'] if len(names) > _NUM_NAMED else []
    return ', '.join([*map(str, names[:_NUM_NAMED]), *dots])


def report_findings(findings: Sequence[Finding], rules: RuleBook) -> str:
    """Describe findings, grouped by rule.

    Args:
        findings (Sequence[Finding]): Findings of the rules.
        rules (RuleBook): All rules that were applied.

    Returns:
        str: A paragraph for each rule, and a last line that counts.
    """
    groups: dict[tuple, list[Finding]] = {}
    for finding in findings:
        key = (finding.rule, finding.severity, finding.since)
        groups.setdefault(key, []).append(finding)
    parts = []
    for (name, severity, since), group in groups.items():
        head = f'{severity}: {name}' + (f', since {since}' if since else '')
        meanings = dict.fromkeys(f.meaning for f in group)
        advice = dict.fromkeys(f.advice for f in group)
        messages = [finding.message for finding in group]
        parts.append(_paragraph(head, meanings, advice, messages))
    counts = [
        f'{sum(f.severity == severity for f in findings)} {severity}(s)'
        for severity in (ERROR, WARNING)
    ]
    parts.append(f'{", ".join(counts)} ({len(rules)} rules)')
    return '\n\n'.join(parts)


def list_rules(rules: RuleBook) -> str:
    """Describe all rules.

    Args:
        rules (RuleBook): The rules.

    Returns:
        str: A paragraph for each rule, with its meaning and advice.
    """
    paragraphs = []
    for rule in rules.values():
        read = ', '.join(rule.reads)
        head = f'{rule.severity}: {rule.name}' + (f' ({read})' if read else '')
        paragraphs.append(_paragraph(head, [rule.meaning], [rule.advice]))
    return '\n'.join(paragraphs)


def rule_table(rules: RuleBook) -> str:
    """Describe all rules by their summaries, as the documentation does.

    Args:
        rules (RuleBook): The rules.

    Returns:
        str: A table in Markdown.
    """
    rows = []
    for rule in rules.values():
        summary = rule.summary.rstrip('.').replace('``', '`')
        rows.append((f'`{rule.name}`', rule.severity, summary, rule.advice))
    header = ('rule', 'severity', 'what it finds', 'what to do')
    return markdown_table(header, rows)


def markdown_table(
    header: Sequence[str], rows: Iterable[Sequence[str]]
) -> str:
    """A table in Markdown."""
    lines = [f'| {" | ".join(row)} |' for row in (header, *rows)]
    lines.insert(1, '|---' * len(header) + '|')
    return '\n'.join(lines)


def _paragraph(
    head: str,
    meanings: Iterable[str],
    advice: Iterable[str],
    messages: Iterable[str] = (),
) -> str:
    """A head, and below it all texts that are not empty, wrapped."""
    texts = {'  - ': messages, '  = ': meanings, '  > ': advice}
    wrap = partial(
        fill, width=_WIDTH, break_long_words=False, break_on_hyphens=False
    )
    lines = [
        wrap(text, initial_indent=lead, subsequent_indent=' ' * len(lead))
        for lead, group in texts.items()
        for text in group
        if text
    ]
    return '\n'.join([head, *lines])
