# Copyright (c) cape_mm contributors. All rights reserved.
"""Write the procedural dataset `creatures` in MP-100 layout."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

# the checkout, where this is one
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from cape_mm.datasets.synthetic import write_creatures


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description='Draw articulated animals and write them as an MP-100 '
        'dataset. A category depends only on the seed, its split and its '
        'position: more categories or images do not change the others.'
    )
    parser.add_argument(
        'out', help='target folder, missing or empty, e.g. data/creatures_big'
    )
    parser.add_argument('--seed', type=int, default=0)
    for split, size in dict(
        train=(60, 20), val=(10, 10), test=(20, 10)
    ).items():
        parser.add_argument(
            f'--{split}',
            type=int,
            nargs=2,
            default=size,
            metavar=('CATEGORIES', 'INSTANCES'),
            help='categories, and instances of each (default: %(default)s)',
        )
    parser.add_argument(
        '--image-size',
        type=int,
        default=256,
        help='longer side in pixels (default: %(default)s)',
    )
    return parser.parse_args()


def main() -> None:
    """Write the dataset and say how long it took."""
    args = parse_args()
    start = time.perf_counter()
    try:
        is_new = write_creatures(
            args.out,
            seed=args.seed,
            train=tuple(args.train),
            val=tuple(args.val),
            test=tuple(args.test),
            image_size=args.image_size,
        )
    except (FileExistsError, ValueError) as error:
        sys.exit(f'Error: {error}')
    if not is_new:
        print(f'{args.out} is complete already, nothing was written')
        return
    seconds = time.perf_counter() - start
    images = sum(a * b for a, b in (args.train, args.val, args.test))
    print(f'{images} images written to {args.out} in {seconds:.1f} s')


if __name__ == '__main__':
    main()
