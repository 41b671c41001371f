# Copyright (c) cape_mm contributors. All rights reserved.
"""Accuracy on annotated images, beside that of copying the support.

    python tools/analysis_tools/photo_table.py DATA_ROOT --out table.json

DATA_ROOT has the layout of MP-100: `annotations/*.json` and `images/`. Without
a model the default matcher is scored, which needs no training.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

# the checkout, where this is one
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from cape_mm.cli.arguments import (
    add_annotated_images,
    add_device,
    natural,
    one_line_errors,
    positive,
)


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_annotated_images(parser)
    parser.add_argument('--config', help='config of another model')
    parser.add_argument('--checkpoint', help='its checkpoint')
    parser.add_argument(
        '--shots',
        type=positive,
        default=1,
        help='annotated images of an episode',
    )
    parser.add_argument(
        '--supports', type=positive, default=6, help='supports of a category'
    )
    parser.add_argument(
        '--queries', type=positive, default=6, help='queries of a support'
    )
    parser.add_argument(
        '--seed', type=natural, default=0, help='seed of the pairs'
    )
    add_device(parser)
    parser.add_argument('--out', type=Path, help='JSON file for the table')
    parser.add_argument(
        '--diagram',
        type=Path,
        metavar='PNG',
        help='reliability diagram of the scores',
    )
    return parser.parse_args()


def main() -> None:
    """Score and tabulate."""
    args = parse_args()

    # imported late: `-h` and a wrong flag answer at once
    from cape_mm.cli.photo_table import tabulate_photos

    with one_line_errors():
        tabulate_photos(args)


if __name__ == '__main__':
    main()
