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

# the checkout, where this is one
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from cape_mm.cli.arguments import (
    CfgOptions,
    exit_with,
    one_line_errors,
    parse_rule_args,
    print_rules,
)


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('config', nargs='?', help='config file')
    parser.add_argument(
        '--cfg-options', nargs='+', action=CfgOptions, metavar='KEY=VALUE'
    )
    return parse_rule_args(parser, 'config')


def main() -> None:
    """Examine."""
    args = parse_args()

    # imported late: `-h` and a wrong flag answer at once
    from cape_mm.checks import CONFIG_RULES, examine_config, report_findings
    from cape_mm.cli.launch import read_config

    with one_line_errors():
        if print_rules(args, CONFIG_RULES):
            return
        cfg = read_config(args)
    findings = examine_config(cfg, args.ignore)
    print(report_findings(findings, CONFIG_RULES))
    exit_with(findings, args.strict)


if __name__ == '__main__':
    main()
