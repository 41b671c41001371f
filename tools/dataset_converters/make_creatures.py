# Copyright (c) cape_mm contributors. All rights reserved.
"""Write the procedural dataset `creatures` in MP-100 layout."""

from __future__ import annotations

import sys
from pathlib import Path

# the checkout, where this is one
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from cape_mm.cli.synthetic_data import (
    synthetic_data_parser,
    write_and_report,
)
from cape_mm.datasets.synthetic import write_creatures


def main() -> None:
    """Write the dataset and print how long it took."""
    parser = synthetic_data_parser(
        write_creatures,
        'Draw articulated animals and write them as an MP-100 dataset. A '
        'category depends only on the seed, its split and its position: more '
        'categories or images do not change the others.',
        'data/creatures_big',
        ('categories', 'instances'),
        'longer side in pixels',
    )
    write_and_report(write_creatures, 'images', **vars(parser.parse_args()))


if __name__ == '__main__':
    main()
