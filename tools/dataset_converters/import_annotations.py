# Copyright (c) cape_mm contributors. All rights reserved.
r"""Import the files of an annotation tool into MP-100 layout.

    python tools/dataset_converters/import_annotations.py export/ \
        --out data/mugs --category mug

writes `annotations/train.json`, `val.json` and `images/` under --out and
prints what was read and repaired. The source is not changed and nothing is
overwritten. COCO keypoints (CVAT, Label Studio, Roboflow, COCO Annotator),
LabelMe, Label Studio, CVAT XML, DeepLabCut, SLEAP, YOLO-pose and VIA:
docs/en/annotation_tools.md.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

# the checkout, where this is one
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from cape_mm.cli.arguments import (
    add_annotation_files,
    natural,
    one_line_errors,
    share,
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
        choices=(
            'auto',
            'coco',
            'labelme',
            'label-studio',
            'cvat',
            'deeplabcut',
            'sleap',
            'yolo-pose',
            'via',
            'coco-results',
            'predictions',
            'csv',
        ),
        default='auto',
        help='default: by content',
    )
    parser.add_argument(
        '--val-share',
        type=share,
        default=0.2,
        metavar='SHARE',
        help='share of the images for val.json (default: %(default)s)',
    )
    parser.add_argument(
        '--seed',
        type=natural,
        default=0,
        help='seed of the split (default: 0)',
    )
    parser.add_argument(
        '--quick',
        action='store_true',
        help='do not decode images: incomplete ones go unnoticed',
    )
    return parser.parse_args(argv)


def main() -> None:
    """Import, and print what was done."""
    args = parse_args()

    # imported late: `-h` answers at once
    from cape_mm.datasets.formats.annotation_tools import import_annotations

    with one_line_errors():
        print('\n'.join(import_annotations(**vars(args))))


if __name__ == '__main__':
    main()
