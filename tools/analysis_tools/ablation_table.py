# Copyright (c) cape_mm contributors. All rights reserved.
"""Train and test several configs with several seeds, and tabulate them.

    python tools/analysis_tools/ablation_table.py \
        configs/cape/autoregressive_r18_creatures-128x128.py \
        configs/cape/ablations/*.py --seeds 0 1 2 --out table.md

Every run has the budget of its config; to change it for all alike, use the
configs' environment variables or --cfg-options. The first config is what the
others are compared with. What is finished is not run again, and what was
interrupted goes on, so that the runs can be spread over days.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

# the checkout, where this is one
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from cape_mm.cli.ablation_table import run_ablations
from cape_mm.cli.arguments import natural, one_line_errors


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('configs', nargs='+', type=Path)
    parser.add_argument('--seeds', type=natural, nargs='+', default=[0, 1, 2])
    parser.add_argument(
        '--work-dir', type=Path, default=Path('work_dirs/ablations')
    )
    parser.add_argument(
        '--shots', type=int, nargs='+', help='numbers of shots to test with'
    )
    parser.add_argument(
        '--costs', action='store_true', help='also parameters, time per query'
    )
    parser.add_argument(
        '--finished', action='store_true', help='tabulate, train nothing'
    )
    parser.add_argument(
        '--epoch',
        type=int,
        help='tabulate the validation after this epoch, also of unfinished '
        'runs, train nothing',
    )
    parser.add_argument(
        '--out',
        type=Path,
        help='where to write the table: a new file, or a page with the '
        'comments <!-- table --> and <!-- end of table -->',
    )
    parser.add_argument(
        '--record',
        metavar='DATASET',
        help="also write the means into the configs' metafiles, as results on "
        'the dataset of this name',
    )
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        default=[],
        metavar='KEY=VALUE',
        help='handed to training and test of every config',
    )
    return parser.parse_args()


def main() -> None:
    """Train, test and tabulate."""
    args = parse_args()
    with one_line_errors():
        run_ablations(args)


if __name__ == '__main__':
    main()
