# Copyright (c) cape_mm contributors. All rights reserved.
r"""Convert a dataset of cephalograms to this project's format.

    python tools/dataset_converters/convert_cephalograms.py isbi \
        downloads/isbi2015 --out-dir data/isbi2015

writes `images/` and `annotations/<name>_<part>.json` under --out-dir, and
reports what was unusual. The source is not changed and nothing is overwritten.
Formats, and what is checked: docs/en/cephalometric_data.md.
"""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path
from typing import Any, Callable

# the checkout, where this is one
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))


def _checked(kind: str) -> Callable[[str], float]:
    """Type of numbers, imported late: `-h` answers at once."""

    def convert(text: str) -> float:
        from cape_mm.cli import arguments

        return getattr(arguments, kind)(text)

    return convert


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    formats = parser.add_subparsers(
        dest='format', required=True, metavar='FORMAT'
    )
    add = partial(_add_format, formats)
    isbi = add('isbi', 'ISBI 2014/2015 challenge: folder of the download')
    isbi.add_argument(
        '--spacing',
        type=_checked('amount'),
        metavar='MM',
        help='mm per pixel, for images of another size than the original '
        '(default: 0.1 for the original size, else unknown)',
    )
    isbi.add_argument(
        '--label-size',
        type=_checked('positive'),
        nargs=2,
        metavar=('WIDTH', 'HEIGHT'),
        help='size of the images that the points refer to (1935 2400), if the '
        'images have been made smaller since',
    )
    cl2023 = add('cl2023', 'CL-Detection 2023: folder with stack and labels')
    cl2023.add_argument('--stack', type=Path, metavar='MHA')
    cl2023.add_argument('--labels', type=Path, metavar='JSON')
    cl2024 = add('cl2024', 'CL-Detection 2024: folder with labels.csv, images')
    for command in (cl2023, cl2024):
        command.add_argument(
            '--baseline-split',
            action='store_true',
            help="the split of the organisers' baseline: 300, 50 and the rest",
        )
    aariz = add('aariz', 'Aariz (CEPHA29): folder with train, valid, test')
    for command in (isbi, aariz):
        command.add_argument(
            '--annotator',
            choices=('mean', 'junior', 'senior'),
            default='mean',
            help='whose landmarks (default: %(default)s, not rounded)',
        )
    table = add('pandas', 'pandas JSON with pixels in the column Image')
    table.add_argument('--rulers', type=Path, metavar='JSON')
    table.add_argument(
        '--ruler-mm',
        type=_checked('amount'),
        default=10.0,
        help='default: %(default)s',
    )
    size = dict(
        type=_checked('positive'), nargs=2, metavar=('WIDTH', 'HEIGHT')
    )
    table.add_argument(
        '--ruler-frame',
        default=(600, 600),
        help='size of the images on which rulers were marked (default: '
        '600 600)',
        **size,
    )
    table.add_argument(
        '--image-size', help='of the images (default: square)', **size
    )
    plain = add('csv', 'table with file, <code>_x, <code>_y, ...')
    dicom = add(
        'dicom', 'folder of DICOM files: PNG and an empty table', False
    )
    plain.add_argument(
        '--images',
        type=Path,
        help='folder that `file` is relative to (default: that of the table)',
    )
    for command, default in ((table, 'document19'), (plain, None)):
        command.add_argument('--schema', required=not default, default=default)
    dicom.add_argument('--schema', required=True)
    return parser.parse_args(argv)


def _add_format(
    formats: Any, name: str, text: str, has_landmarks: bool = True
) -> argparse.ArgumentParser:
    """Add a format with the options that all have."""
    parser = formats.add_parser(name, help=text, description=text)
    parser.add_argument('source', type=Path)
    parser.add_argument('--out-dir', type=Path, required=True)
    parser.add_argument(
        '--max-megapixels',
        type=_checked('amount'),
        default=150.0,
        help='refuse larger images (default: %(default)g)',
    )
    if not has_landmarks:
        return parser
    parser.add_argument('--name', help='begin of the names of the files')
    parser.add_argument(
        '--shares',
        type=_checked('share'),
        nargs=2,
        default=(0.1, 0.1),
        metavar=('VAL', 'TEST'),
        help='of the cephalograms, by persons, if the data have no split '
        '(default: 0.1 0.1)',
    )
    parser.add_argument(
        '--val-share',
        type=_checked('share'),
        default=0.0,
        metavar='SHARE',
        help='of the training cephalograms, if the data have a split without '
        'validation (default: none)',
    )
    parser.add_argument(
        '--seed',
        type=_checked('natural'),
        default=0,
        help='of the split (default: 0)',
    )
    parser.add_argument(
        '--link',
        action='store_true',
        help='make hard links to the images instead of copies',
    )
    parser.add_argument(
        '--max-side',
        type=_checked('positive'),
        metavar='PIXELS',
        help='make larger images smaller, with landmarks and spacing',
    )
    parser.add_argument(
        '--quick',
        action='store_true',
        help='do not decode images: incomplete ones go unnoticed',
    )
    parser.add_argument(
        '--skip-missing',
        action='store_true',
        help='leave out cephalograms without image instead of stopping',
    )
    parser.add_argument(
        '--allow-outside',
        action='store_true',
        help='follow links that lead out of the folder of the images',
    )
    return parser


def main() -> None:
    """Convert, and print what was done."""
    args = parse_args()

    # imported late: `-h` answers at once
    from cape_mm.cli.arguments import one_line_errors
    from cape_mm.datasets.formats.cephalometric import convert_cephalograms

    with one_line_errors():
        print('\n'.join(convert_cephalograms(**vars(args))))


if __name__ == '__main__':
    main()
