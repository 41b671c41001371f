# Copyright (c) cape_mm contributors. All rights reserved.
"""Write the drawn lateral X-rays `cephalograms`, in one of three layouts."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

# the checkout, where this is one
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from cape_mm.datasets.synthetic import (
    draw_cephalogram,
    write_cephalograms,
)
from cape_mm.datasets.synthetic.cephalogram_emitters import (
    write_aariz_tree,
    write_isbi_tree,
)


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description='Draw lateral X-rays of heads with 23 landmarks, whose '
        'angles are known exactly. A image depends only on the seed, its '
        'split, its number and the height. For tests of code: nothing that '
        'is learned from them is of clinical use.'
    )
    parser.add_argument(
        'out',
        help='target folder, missing or empty, e.g. data/cephalograms_big',
    )
    parser.add_argument('--seed', type=int, default=0)
    for split, size in dict(train=400, val=60, test=100).items():
        parser.add_argument(
            f'--{split}',
            type=int,
            default=size,
            help='number of cephalograms (default: %(default)s)',
        )
    parser.add_argument(
        '--image-height',
        type=int,
        default=320,
        help='in pixels; 2400 gives about 0.1 mm per pixel '
        '(default: %(default)s)',
    )
    parser.add_argument(
        '--layout',
        choices=('coco', 'isbi', 'aariz'),
        default='coco',
        help="'isbi' and 'aariz' write the training cephalograms only, as "
        'these '
        'datasets do, to try the converters (default: %(default)s)',
    )
    return parser.parse_args()


def main() -> None:
    """Write the cephalograms and say how long it took."""
    args = parse_args()
    start = time.perf_counter()
    try:
        count = write(args)
    except (FileExistsError, ValueError) as error:
        sys.exit(f'Error: {error}')
    if not count:
        print(f'{args.out} is complete already, nothing was written')
        return
    seconds = time.perf_counter() - start
    print(f'{count} cephalograms written to {args.out} in {seconds:.1f} s')


def write(args: argparse.Namespace) -> int:
    """Write the cephalograms; how many, 0 if they were there."""
    if args.layout == 'coco':
        is_new = write_cephalograms(
            args.out,
            seed=args.seed,
            train=args.train,
            val=args.val,
            test=args.test,
            image_height=args.image_height,
        )
        return is_new * (args.train + args.val + args.test)
    out = Path(args.out)
    if out.exists() and any(out.iterdir()):
        raise FileExistsError(f'{out} is not empty: name another folder')
    cephalograms = [
        draw_cephalogram(args.seed, number, image_height=args.image_height)
        for number in range(args.train)
    ]
    if args.layout == 'isbi':
        write_isbi_tree(out, cephalograms)
    else:
        write_aariz_tree(out, cephalograms)
    return len(cephalograms)


if __name__ == '__main__':
    main()
