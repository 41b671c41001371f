# Copyright (c) cape_mm contributors. All rights reserved.
"""Measure how a model uses its support.

    python tools/analysis_tools/support_ablation.py CONFIG CHECKPOINT

Prints the PCK over the config's test episodes with the right support and with
supports that are wrong in one respect. Keypoints are judged as in the test:
labelled in the query and in all its right supports. For a support of a wrong
category, keypoint *j* of that category stands for keypoint *j* of the query,
as far as both have it; the others do not count.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

# the checkout, where this is one
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from cape_mm.cli.arguments import (
    add_config,
    natural,
    one_line_errors,
    positive,
)


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_config(parser, checkpoint=True)
    parser.add_argument(
        '--num-episodes',
        type=positive,
        help='use this many test episodes, evenly chosen (default: all)',
    )
    parser.add_argument('--batch-size', type=positive, default=8)
    parser.add_argument(
        '--seed', type=natural, default=0, help='of the shuffles'
    )
    parser.add_argument('--out', help='write the table to this .json file')
    return parser.parse_args()


def main() -> None:
    """Measure and print."""
    args = parse_args()

    # imported late: `-h` and a wrong flag answer at once
    from cape_mm.cli.support_ablation import ablate_support

    with one_line_errors():
        ablate_support(args)


if __name__ == '__main__':
    main()
