# Copyright (c) cape_mm contributors. All rights reserved.
"""Measure time and memory of matching, image loading included.

    python tools/analysis_tools/benchmark_matching.py --queries 1000

One annotated support, then queries from JPEG files, through CapeInferencer.
Without configs the settings fast, default and accurate are measured. The time
of the support is that by which the first batch takes longer than the others.
CPU time counts all threads: on a machine that others use it is the more
reliable figure. With --queries, as many arrays are streamed through the first
config besides, to see whether its memory grows.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

# the checkout, where this is one
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from cape_mm.cli.arguments import natural, one_line_errors, positive


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('configs', nargs='*', help='config files')
    parser.add_argument('--keypoints', type=positive, default=17)
    parser.add_argument('--batch-size', type=positive, default=8)
    parser.add_argument(
        '--image-size',
        type=positive,
        nargs=2,
        default=(640, 480),
        metavar=('W', 'H'),
        help='of all images, pixels',
    )
    parser.add_argument('--threads', type=positive, default=2)
    parser.add_argument(
        '--repeats', type=positive, default=5, help='batches of queries'
    )
    parser.add_argument(
        '--queries', type=natural, default=0, help='arrays to stream'
    )
    return parser.parse_args()


def main() -> None:
    """Measure all configs."""
    args = parse_args()

    # imported late: `-h` and a wrong flag answer at once
    from cape_mm.cli.matching_benchmark import benchmark_matching

    with one_line_errors():
        benchmark_matching(args)


if __name__ == '__main__':
    main()
