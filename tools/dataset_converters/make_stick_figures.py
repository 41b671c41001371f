# Copyright (c) cape_mm contributors. All rights reserved.
"""Write the procedural videos `stick_figures` in PoseTrack18 layout."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

# the checkout, where this is one
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from cape_mm.datasets.synthetic import write_stick_figures


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description='Draw videos of persons who walk, cross, hide, come and '
        'go, and write them as a PoseTrack18 dataset. A video depends only '
        'on the seed, its split, its number, its length and the image size.'
    )
    parser.add_argument(
        'out', help='target folder, missing or empty, e.g. data/figures_big'
    )
    parser.add_argument('--seed', type=int, default=0)
    for split, size in dict(train=(400, 12), val=(16, 24)).items():
        parser.add_argument(
            f'--{split}',
            type=int,
            nargs=2,
            default=size,
            metavar=('VIDEOS', 'FRAMES'),
            help='videos, and frames of each (default: %(default)s)',
        )
    parser.add_argument(
        '--image-size',
        type=int,
        default=128,
        help='side of the images in pixels (default: %(default)s)',
    )
    return parser.parse_args()


def main() -> None:
    """Write the dataset and say how long it took."""
    args = parse_args()
    start = time.perf_counter()
    try:
        is_new = write_stick_figures(
            args.out,
            seed=args.seed,
            train=tuple(args.train),
            val=tuple(args.val),
            image_size=args.image_size,
        )
    except (FileExistsError, ValueError) as error:
        sys.exit(f'Error: {error}')
    if not is_new:
        print(f'{args.out} is complete already, nothing was written')
        return
    seconds = time.perf_counter() - start
    frames = sum(a * b for a, b in (args.train, args.val))
    print(f'{frames} frames written to {args.out} in {seconds:.1f} s')


if __name__ == '__main__':
    main()
