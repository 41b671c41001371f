# Copyright (c) cape_mm contributors. All rights reserved.
"""Accuracy after fitting to some labelled images, by their number.

    python tools/analysis_tools/few_shot_table.py DATA_ROOT --labels 5 20

For every category, tools/finetune.py's fit on some labelled images is scored
on others, beside the matcher and copying. DATA_ROOT has the layout of MP-100.
The labelled images are those of `photo_table.py --shots N`.
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
    amount,
    natural,
    one_line_errors,
    positive,
)


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_annotated_images(parser)
    parser.add_argument('--categories', nargs='+', metavar='NAME')
    parser.add_argument(
        '--labels', nargs='+', type=positive, default=[5, 20], metavar='N'
    )
    parser.add_argument(
        '--min-images', type=positive, default=30, help='of a category'
    )
    parser.add_argument(
        '--shots', type=positive, default=5, help='supports of the matcher'
    )
    parser.add_argument(
        '--heatmap',
        action='store_true',
        help='score an ordinary heatmap head besides the chosen model',
    )
    parser.add_argument('--minutes', type=amount, default=3.0)
    parser.add_argument('--config', help='as of tools/finetune.py')
    parser.add_argument('--seed', type=natural, default=0)
    parser.add_argument('--out', type=Path, help='JSON file, continued')
    add_device(parser)
    return parser.parse_args()


def main() -> None:
    """Fit, score and tabulate."""
    args = parse_args()

    # imported late: `-h` and a wrong flag answer at once
    from cape_mm.cli.few_shot_table import tabulate_few_shots

    with one_line_errors():
        tabulate_few_shots(args)


if __name__ == '__main__':
    main()
