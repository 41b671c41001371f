# Copyright (c) cape_mm contributors. All rights reserved.
"""Write synthetic lateral X-rays `cephalograms`, in one of three layouts."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

# the checkout, where this is one
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from cape_mm.cli.synthetic_data import (
    synthetic_data_parser,
    write_and_report,
)
from cape_mm.datasets.synthetic import write_cephalograms
from cape_mm.datasets.synthetic.cephalograms.layouts import write_layout


def main() -> None:
    """Write the dataset and print how long it took."""
    parser = synthetic_data_parser(
        write_cephalograms,
        'Draw lateral X-rays of heads with 23 landmarks, whose angles are '
        'known exactly. An image depends only on the seed, its split, its '
        'number and the height. For tests of code: nothing that is learned '
        'from them is of clinical use.',
        'data/cephalograms_big',
        ('cephalograms',),
        'in pixels; 2400 gives about 0.1 mm per pixel',
    )
    parser.add_argument(
        '--layout',
        choices=('coco', 'isbi', 'aariz'),
        default='coco',
        help="'isbi' and 'aariz' write the training cephalograms only, as "
        'these datasets do, to try the converters (default: %(default)s)',
    )
    args = vars(parser.parse_args())
    write = write_cephalograms
    layout = args.pop('layout')
    if layout != 'coco':
        write = partial(write_layout, layout)
        del args['val'], args['test']
    write_and_report(write, 'cephalograms', **args)


if __name__ == '__main__':
    main()
