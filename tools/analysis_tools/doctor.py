# Copyright (c) cape_mm contributors. All rights reserved.
"""Look for mistakes in a config and its data before hours are spent.

    python tools/analysis_tools/doctor.py CONFIG

Each finding has a sentence of advice. The program ends with 1 if there are
errors, with --strict also if there are warnings, otherwise with 0.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from mmengine.config import DictAction

# the checkout, where this is one
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from cape_mm.cli.arguments import one_line_errors


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description='Look for mistakes in a config and its data'
    )
    parser.add_argument('config', nargs='?', help='config file')
    parser.add_argument(
        '--list', action='store_true', help='print all rules and end'
    )
    parser.add_argument(
        '--strict', action='store_true', help='fail on warnings, too'
    )
    parser.add_argument(
        '--ignore', nargs='+', default=[], metavar='RULE', help='leave out'
    )
    parser.add_argument(
        '--cfg-options', nargs='+', action=DictAction, metavar='KEY=VALUE'
    )
    args = parser.parse_args()
    if args.config is None and not args.list:
        parser.error('CONFIG or --list is needed')
    return args


def main() -> None:
    """Examine."""
    args = parse_args()

    # imported late: `-h` and a wrong flag answer at once
    from mmengine.config import Config

    from cape_mm.cli.launch import merge_cfg_options
    from cape_mm.doctor import (
        RULES,
        WARNING,
        examine,
        list_rules,
        report_findings,
    )
    from cape_mm.errors import UsageError

    if args.list:
        print(list_rules())
        return
    with one_line_errors():
        unknown = [name for name in args.ignore if name not in RULES]
        if unknown:
            raise UsageError(f'there is no rule {", ".join(unknown)}')
        cfg = Config.fromfile(args.config)
        merge_cfg_options(cfg, args)
    findings = examine(cfg, args.ignore)
    print(report_findings(findings))
    if any(args.strict or f.severity != WARNING for f in findings):
        sys.exit(1)


if __name__ == '__main__':
    main()
