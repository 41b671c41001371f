# Copyright (c) cape_mm contributors. All rights reserved.
"""Memorise many single images and tabulate what came out.

Runs ``tools/train.py configs/cape/single_image.py`` and ``tools/test.py`` on
its best checkpoint, once per case, and writes a Markdown table:

    python tools/analysis_tools/single_image_table.py \
        --seeds 0 1 2 3 4 --real ROOT_OF_MP100_LAYOUT --out table.md

A finished case is not run again, so an interrupted table can be continued.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

# the checkout, where this is one
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from cape_mm.cli.arguments import natural, one_line_errors
from cape_mm.cli.single_image_table import memorise_images


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        '--seeds',
        type=natural,
        nargs='*',
        default=[0, 1, 2, 3, 4],
        help='seeds of the synthetic default image',
    )
    parser.add_argument(
        '--real',
        type=Path,
        help='dataset in MP-100 layout; the first instance of every '
        'category is memorised, seed 0',
    )
    parser.add_argument(
        '--work-dir', type=Path, default=Path('work_dirs/single_image_table')
    )
    parser.add_argument('--out', type=Path, help='where to write the table')
    return parser.parse_args()


def main() -> None:
    """Memorise, test and tabulate."""
    args = parse_args()
    with one_line_errors():
        memorise_images(args)


if __name__ == '__main__':
    main()
