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


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description='Say what is off in the log of a pose tracking training'
    )
    parser.add_argument(
        'log',
        nargs='?',
        help='scalars.json, text log, or folder of a training',
    )
    parser.add_argument(
        '--list', action='store_true', help='print all rules and end'
    )
    parser.add_argument(
        '--strict', action='store_true', help='fail on warnings, too'
    )
    parser.add_argument(
        '--ignore', nargs='+', default=[], metavar='RULE', help='leave out'
    )
    args = parser.parse_args()
    if args.log is None and not args.list:
        parser.error('LOG or --list is needed')
    return args


def main() -> None:
    """Read and report."""
    args = parse_args()

    # imported late: `-h` and a wrong flag answer at once
    from cape_mm.tracking_log import (
        RULES,
        WARNING,
        diagnose,
        list_rules,
        read_log,
        report_diagnosis,
    )

    if args.list:
        print(list_rules())
        return
    try:
        unknown = [name for name in args.ignore if name not in RULES]
        if unknown:
            raise ValueError(f'there is no rule {", ".join(unknown)}')
        log = read_log(Path(args.log))
        findings = diagnose(log, args.ignore)
    except (OSError, ValueError) as error:
        sys.exit(f'{Path(sys.argv[0]).name}: error: {error}')
    print(report_diagnosis(log, findings))
    if any(args.strict or f.severity != WARNING for f in findings):
        sys.exit(1)


if __name__ == '__main__':
    main()
