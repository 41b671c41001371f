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

from cape_mm.cli.arguments import (
    EXPORT_FORMATS,
    add_annotation_files,
    one_line_errors,
)


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_annotation_files(parser)
    parser.add_argument(
        '--format',
        dest='formats',
        nargs='+',
        required=True,
        choices=EXPORT_FORMATS,
        help='formats to write, a subfolder each',
    )
    parser.add_argument(
        '--min-score',
        type=float,
        default=0.0,
        metavar='S',
        help='predicted keypoints below are written as not labelled '
        '(default: %(default)g)',
    )
    return parser.parse_args(argv)


def main() -> None:
    """Export, and print what was done."""
    args = parse_args()

    # imported late: `-h` answers at once
    from cape_mm.datasets.formats.annotation_tools import convert_annotations

    with one_line_errors():
        print('\n'.join(convert_annotations(**vars(args))))


if __name__ == '__main__':
    main()
