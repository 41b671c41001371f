# Copyright (c) cape_mm contributors. All rights reserved.
"""Command line of the tools that apply a book of rules.

Imports no PyTorch, so that ``-h`` and a wrong flag answer at once.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Sequence

from cape_mm.errors import UsageError

if TYPE_CHECKING:
    from cape_mm.checks import Finding, RuleBook


def parse_rule_args(
    parser: argparse.ArgumentParser, subject: str
) -> argparse.Namespace:
    """Add the flags on rules, and read the command line.

    Args:
        parser (argparse.ArgumentParser): Parser with an optional positional.
        subject (str): Name of that positional, required without ``--list``.

    Returns:
        argparse.Namespace: Arguments.
    """
    parser.add_argument(
        '--list', action='store_true', help='print all rules and end'
    )
    parser.add_argument(
        '--table',
        action='store_true',
        help='print all rules as the table of the documentation and end',
    )
    parser.add_argument(
        '--strict', action='store_true', help='fail on warnings, too'
    )
    parser.add_argument(
        '--ignore', nargs='+', default=[], metavar='RULE', help='leave out'
    )
    args = parser.parse_args()
    if getattr(args, subject) is None and not (args.list or args.table):
        parser.error(f'{subject.upper()} or --list is needed')
    return args


def print_rules(args: argparse.Namespace, rules: RuleBook) -> bool:
    """Do what ``--list`` and ``--table`` ask for.

    Args:
        args (argparse.Namespace): Arguments of :func:`parse_rule_args`.
        rules (RuleBook): The rules.

    Returns:
        bool: Whether that was all.

    Raises:
        UsageError: If ``--ignore`` names a rule that does not exist.
    """
    from cape_mm.checks import list_rules, rule_table

    if args.list or args.table:
        print(list_rules(rules) if args.list else rule_table(rules))
        return True
    try:
        rules.check_names(args.ignore)
    except KeyError as error:
        raise UsageError(error.args[0]) from None
    return False


def exit_with(findings: Sequence[Finding], strict: bool) -> None:
    """End with 1 if there are errors, or any findings if strict.

    Args:
        findings (Sequence[Finding]): Findings of the rules.
        strict (bool): Whether warnings count.
    """
    from cape_mm.checks import WARNING

    if any(strict or finding.severity != WARNING for finding in findings):
        sys.exit(1)
