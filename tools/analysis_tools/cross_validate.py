# Copyright (c) cape_mm contributors. All rights reserved.
"""Train and test a config on several splits, and tabulate the results.

    python tools/analysis_tools/cross_validate.py \
        'configs/cape/autoregressive_r50_8xb16-200e_mp100-split{split}-256x256.py'

runs tools/train.py and tools/test.py once per split, each in a folder of its
own, and writes summary.md and summary.json with mean and standard deviation.
What is finished is not run again; an interrupted training is resumed. With
--checkpoints nothing is trained. With --shots the test uses another number of
shots than the training.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

# the checkout, where this is one
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from cape_mm.cli.arguments import one_line_errors, positive
from cape_mm.cli.training_tables import cross_validate


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('config', help='config file with {split} in its name')
    parser.add_argument(
        '--splits',
        type=positive,
        nargs='+',
        default=[1, 2, 3, 4, 5],
        metavar='N',
    )
    parser.add_argument(
        '--shots',
        type=positive,
        help="supports of each test episode (default: the config's)",
    )
    parser.add_argument(
        '--checkpoints',
        metavar='FILE',
        help='test these, with {split} in the name, instead of training',
    )
    parser.add_argument(
        '--work-dir',
        type=Path,
        help='default: ./work_dirs/<config name without {split}>',
    )
    parser.add_argument(
        '--gpus', type=positive, default=1, help='processes (default: 1)'
    )
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        default=[],
        metavar='KEY=VALUE',
        help='handed to training and test',
    )
    parser.add_argument(
        '--metrics',
        nargs='+',
        help='columns (default: all that all splits have, but for intervals)',
    )
    args = parser.parse_args()
    for name in ('config', 'checkpoints'):
        value = getattr(args, name)
        if value is not None and '{split}' not in value:
            parser.error(f'no {{split}} in {value!r}')
    if args.work_dir is None:
        stem = Path(args.config).stem.replace('{split}', 's')
        args.work_dir = Path('work_dirs') / f'{stem}_cross_validation'
    return args


def main() -> None:
    """Train, test and tabulate."""
    args = parse_args()
    with one_line_errors():
        cross_validate(args)


if __name__ == '__main__':
    main()
