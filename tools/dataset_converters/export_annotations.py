# Copyright (c) cape_mm contributors. All rights reserved.
r"""Export annotations or predictions to the files of an annotation tool.

    python tools/dataset_converters/export_annotations.py \
        work_dirs/cape_demo/predictions.json --out mugs --format labelme coco

writes `mugs/labelme/` and `mugs/coco/`. A source is predictions.json of
tools/demo/cape_demo.py, an annotation file in MP-100 layout, COCO results
beside their COCO file, or what import_annotations.py reads. Nothing is
overwritten: docs/en/annotation_tools.md.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

# the checkout, where this is one
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from cape_mm.cli.arguments import EXPORT_FORMATS


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        'sources',
        nargs='+',
        type=Path,
        metavar='SOURCE',
        help='file of annotations or predictions, or folder of them',
    )
    parser.add_argument(
        '--out', type=Path, required=True, help='folder to write to'
    )
    parser.add_argument(
        '--format',
        dest='formats',
        nargs='+',
        required=True,
        choices=EXPORT_FORMATS,
        help='formats to write, a subfolder each',
    )
    parser.add_argument(
        '--image-root',
        type=Path,
        metavar='DIR',
        help='folder of the images (default: beside the source)',
    )
    parser.add_argument(
        '--category', metavar='NAME', help='the only category to export'
    )
    parser.add_argument(
        '--min-score',
        type=float,
        default=0.0,
        metavar='S',
        help='predicted keypoints below are written as not labelled '
        '(default: %(default)g)',
    )
    parser.add_argument(
        '--images',
        choices=('link', 'copy'),
        default='link',
        help='how images come to --out (default: %(default)s)',
    )
    parser.add_argument(
        '--skeleton-base',
        choices=('auto', '0', '1'),
        default='auto',
        help='from what skeletons of a COCO file count (default: recognised '
        'where an index proves it; files in MP-100 layout: 0)',
    )
    return parser.parse_args(argv)


def main() -> None:
    """Export, and print what was done."""
    args = parse_args()

    # imported late: `-h` answers at once
    from cape_mm.datasets.formats.annotation_tools import convert_annotations

    try:
        print('\n'.join(convert_annotations(**vars(args))))
    except (ImportError, OSError, ValueError) as error:
        sys.exit(f'Error: {error}')


if __name__ == '__main__':
    main()
