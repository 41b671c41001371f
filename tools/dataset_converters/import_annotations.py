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
        help='annotation file, or folder of them',
    )
    parser.add_argument(
        '--out', type=Path, required=True, help='folder to write to'
    )
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
        '--image-root',
        type=Path,
        metavar='DIR',
        help='folder of the images (default: beside the annotation file)',
    )
    parser.add_argument(
        '--category',
        metavar='NAME',
        help='the only category to keep; its name where the files have none',
    )
    parser.add_argument(
        '--val-share',
        type=float,
        default=0.2,
        metavar='SHARE',
        help='share of the images for val.json (default: %(default)s)',
    )
    parser.add_argument(
        '--seed', type=int, default=0, help='seed of the split (default: 0)'
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
        help='from what skeletons of COCO files count (default: recognised '
        'where an index proves it)',
    )
    return parser.parse_args(argv)


def main() -> None:
    """Import, and print what was done."""
    args = parse_args()

    # imported late: `-h` answers at once
    from cape_mm.datasets.formats.annotation_tools import import_annotations

    try:
        print('\n'.join(import_annotations(**vars(args))))
    except (ImportError, OSError, ValueError) as error:
        sys.exit(f'Error: {error}')


if __name__ == '__main__':
    main()
