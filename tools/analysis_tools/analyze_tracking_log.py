# Copyright (c) cape_mm contributors. All rights reserved.
"""Read the log of a pose tracking training and say what is off.

    python tools/analysis_tools/analyze_tracking_log.py LOG

LOG is a `scalars.json`, a text log, or the folder of a training, whose runs
are joined. For each fault it says since when, what it means and what to do.
The program ends with 1 if there are errors, with --strict also if there are
warnings, or if the log cannot be read; otherwise with 0.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

# the checkout, where this is one
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from cape_mm.cli.arguments import (
    exit_with,
    one_line_errors,
    parse_rule_args,
    print_rules,
)
from cape_mm.errors import UsageError


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        'log',
        nargs='?',
        help='scalars.json, text log, or folder of a training',
    )
    return parse_rule_args(parser, 'log')


def main() -> None:
    """Read and report."""
    args = parse_args()

    # imported late: `-h` and a wrong flag answer at once
    from cape_mm.checks import LOG_RULES, examine_log, read_log, report_log

    with one_line_errors():
        if print_rules(args, LOG_RULES):
            return
        try:
            log = read_log(Path(args.log))
            findings = examine_log(log, args.ignore)
        except (OSError, ValueError) as error:
            raise UsageError(str(error)) from None
    print(report_log(log, findings))
    exit_with(findings, args.strict)


if __name__ == '__main__':
    main()
