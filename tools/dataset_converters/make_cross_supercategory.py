# Copyright (c) cape_mm contributors. All rights reserved.
"""Generate leave-one-supercategory-out splits from MP-100 annotation files.

The test file holds all categories of one supercategory, the training file
those of all others, but for some that are kept for validation. These are not
the files of the papers, which were never released.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

# the checkout, where this is one
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from cape_mm.cli.arguments import natural, one_line_errors


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        'annotations',
        type=Path,
        help='folder with mp100_split{1..5}_{train,val,test}.json',
    )
    parser.add_argument('out', type=Path, help='folder to write to')
    parser.add_argument(
        '--supercategories',
        nargs='+',
        metavar='NAME',
        help='which to leave out, a split each (default: all that there are)',
    )
    parser.add_argument(
        '--val-categories',
        type=natural,
        default=10,
        metavar='N',
        help='categories of the others that are kept for validation '
        '(default: %(default)s)',
    )
    parser.add_argument(
        '--seed',
        type=natural,
        default=0,
        help='chooses the categories for validation (default: %(default)s)',
    )
    return parser.parse_args()


def main() -> None:
    """Write the files."""
    args = parse_args()

    # imported late: `-h` answers at once
    from cape_mm.datasets.formats.mp100 import supercategory_split

    with one_line_errors():
        lines = supercategory_split.write_supercategory_splits(
            args.annotations,
            args.out,
            args.supercategories,
            args.val_categories,
            args.seed,
        )
    print('\n'.join([*lines, supercategory_split.NOTE]))


if __name__ == '__main__':
    main()
