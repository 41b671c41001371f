# Copyright (c) cape_mm contributors. All rights reserved.
"""Write the procedural videos `stick_figures` in PoseTrack18 layout."""

from __future__ import annotations

import sys
from pathlib import Path

# the checkout, where this is one
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from cape_mm.cli.synthetic_data import (
    synthetic_data_parser,
    write_and_report,
)
from cape_mm.datasets.synthetic import write_stick_figures


def main() -> None:
    """Write the dataset and print how long it took."""
    parser = synthetic_data_parser(
        write_stick_figures,
        'Draw videos of persons who walk, cross, hide, come and go, and write '
        'them as a PoseTrack18 dataset. A video depends only on the seed, its '
        'split, its number, its length and the image size.',
        'data/figures_big',
        ('videos', 'frames'),
        'side of the images in pixels',
    )
    args = parser.parse_args()
    write_and_report(write_stick_figures, 'frames', **vars(args))


if __name__ == '__main__':
    main()
