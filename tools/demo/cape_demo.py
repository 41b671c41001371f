# Copyright (c) cape_mm contributors. All rights reserved.
"""Find keypoints of annotated images on other images.

With a list of points, separated by blanks (`-` where a point is not visible):

    python tools/demo/cape_demo.py --support mug1.jpg \
        --keypoints '52,40 90,61 -' --query mug2.jpg mug3.jpg

With a JSON file (see docs/en/cape_demo.md), an annotation file in MP-100
layout or of an annotation tool, or an earlier `predictions.json`:

    python tools/demo/cape_demo.py --json mugs.json --format coco labelme

Without checkpoint the default matcher is used, which needs no training. Writes
one image per query and `predictions.json` into `--out-dir`, as results come.
Images that cannot be used are named and skipped; the exit status is then 1.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

# the checkout, where this is one
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from cape_mm.cli.arguments import (
    EXPORT_FORMATS,
    add_inference,
    one_line_errors,
)


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description='Find keypoints of annotated images on other images',
        epilog='docs/en/cape_demo.md explains the JSON formats',
    )
    parser.add_argument(
        'checkpoint',
        nargs='?',
        help='checkpoint file (default: the matcher, which needs none)',
    )
    parser.add_argument(
        '--json', help='request, annotation file or predictions.json'
    )
    parser.add_argument(
        '--img-root', help='folder of the images that the JSON names'
    )
    parser.add_argument(
        '--allow-outside',
        action='store_true',
        help='read images that the JSON names outside of that folder',
    )
    parser.add_argument(
        '--category', help='id or name of a category in an annotation file'
    )
    parser.add_argument(
        '--support-ids',
        type=int,
        nargs='+',
        help='annotation ids; numbers of queries of predictions.json',
    )
    parser.add_argument(
        '--query-ids', type=int, nargs='+', help='the same for queries'
    )
    parser.add_argument(
        '--support', nargs='+', metavar='IMAGE', help='annotated image(s)'
    )
    parser.add_argument(
        '--keypoints',
        nargs='+',
        metavar='"X,Y X,Y ..."',
        help='keypoints of each support in pixels, quoted; `-` for a point '
        'that is not visible',
    )
    parser.add_argument(
        '--query',
        nargs='+',
        metavar='IMAGE',
        help='images, or folders of them; replaces the queries of --json',
    )
    parser.add_argument(
        '--support-box',
        nargs='+',
        default=[],
        metavar='X1,Y1,X2,Y2',
        help='box of the object in each support (default: around its '
        'keypoints)',
    )
    parser.add_argument(
        '--query-box',
        nargs='+',
        default=[],
        metavar='X1,Y1,X2,Y2',
        help='box of the object in each query, or one for all; `-` for none '
        '(default: that of the JSON, else the whole image)',
    )
    parser.add_argument(
        '--detect',
        action='store_true',
        help='search queries without box for the object first (slow)',
    )
    parser.add_argument(
        '--min-score',
        type=float,
        default=0.0,
        metavar='S',
        help='keypoints below were not found: null in files, hollow in '
        'images (default: %(default)g)',
    )
    parser.add_argument(
        '--skeleton',
        nargs='+',
        default=[],
        metavar='I-J',
        help='pairs of keypoint numbers, counted from 0, e.g. 0-1 1-2',
    )
    parser.add_argument(
        '--labels',
        choices=['auto', 'names', 'numbers', 'none'],
        default='auto',
        help='what stands beside keypoints (default: names if they are few '
        'and short)',
    )
    parser.add_argument(
        '--format',
        nargs='+',
        default=[],
        choices=EXPORT_FORMATS,
        help='also write the files of annotation tools, a subfolder each',
    )
    parser.add_argument(
        '--resume',
        action='store_true',
        help='keep the results in --out-dir, predict other queries only',
    )
    add_inference(parser, 'work_dirs/cape_demo', batch_size=8)
    args = parser.parse_args()
    if bool(args.json) == bool(args.support):
        parser.error('give either --json or --support with --keypoints')
    if args.support and not (args.keypoints and args.query):
        parser.error('--support needs --keypoints and --query')
    return args


def main() -> None:
    """Predict, draw and write."""
    args = parse_args()

    # imported late: `-h` and a wrong flag answer at once
    from cape_mm.cli.cape_demo import find_keypoints

    with one_line_errors():
        find_keypoints(args)


if __name__ == '__main__':
    main()
