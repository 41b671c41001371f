# Copyright (c) cape_mm contributors. All rights reserved.
"""Compare two checkpoints on the same episodes.

    python tools/analysis_tools/compare_checkpoints.py CONFIG epoch_15.pth \
        epoch_50.pth

Writes `differences.csv` and `.json`, one row per query, the largest
difference of the mean error first, and images *support | ground truth | A |
B* of the first of them.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

# the checkout, where this is one
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from cape_mm.cli.arguments import (
    add_config,
    add_device,
    natural,
    one_line_errors,
    positive,
)


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_config(parser)  # its episodes are used
    parser.add_argument('checkpoint_a', help='checkpoint A')
    parser.add_argument(
        'checkpoint_b',
        nargs='?',
        help='checkpoint B; not for a model of which nothing is trained',
    )
    parser.add_argument(
        '--config-b', help='config of the model B, if it is another one'
    )
    parser.add_argument('--mode', choices=['val', 'test'], default='test')
    parser.add_argument(
        '--num-episodes',
        type=positive,
        help='use this many episodes, evenly chosen (default: all)',
    )
    parser.add_argument('--batch-size', type=positive, default=8)
    parser.add_argument(
        '--num-images',
        '--num-pictures',
        type=natural,
        default=10,
        help='default: 10',
    )
    parser.add_argument('--out-dir', default='work_dirs/compare_checkpoints')
    add_device(parser)
    return parser.parse_args()


def main() -> None:
    """Compare, print and draw."""
    args = parse_args()

    # imported late: `-h` and a wrong flag answer at once
    from cape_mm.cli.checkpoint_comparison import compare_checkpoints

    with one_line_errors():
        compare_checkpoints(args)


if __name__ == '__main__':
    main()
