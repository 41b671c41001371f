# Copyright (c) cape_mm contributors. All rights reserved.
"""Check a copy of MP-100 against its annotation files.

    python tools/dataset_converters/prepare_mp100.py data/mp100

lists missing images by category and source, problems of annotations, missing
skeletons, and what of the protocol is lost with them. Nothing is changed.
With --carfusion and --deepfashion2, images with other names are searched for;
only those that are proven to be the annotated ones are copied, and only with
--apply.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

# the checkout, where this is one
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from cape_mm.cli.arguments import one_line_errors, positive


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('root', type=Path, help='folder of the dataset')
    parser.add_argument(
        '--annotations', type=Path, help='default: ROOT/annotations'
    )
    parser.add_argument('--images', type=Path, help='default: ROOT/images')
    parser.add_argument(
        '--carfusion',
        type=Path,
        metavar='DIR',
        help='download of CarFusion with annotations/, train/, test/',
    )
    parser.add_argument(
        '--deepfashion2',
        type=Path,
        metavar='DIR',
        help='download of DeepFashion2 with train/image, train/annos, ...',
    )
    parser.add_argument(
        '--apply',
        action='store_true',
        help='copy proven images to their annotated names; existing files '
        'are never overwritten',
    )
    parser.add_argument(
        '--quick',
        action='store_true',
        help='do not decode the images, which takes minutes: incomplete ones '
        'go unnoticed',
    )
    parser.add_argument(
        '--allow-outside',
        action='store_true',
        help='read images that the files name outside of --images; nothing '
        'is ever written there',
    )
    parser.add_argument(
        '--queries',
        type=positive,
        default=15,
        help='queries per episode (default: 15, the published number)',
    )
    parser.add_argument(
        '--json', type=Path, metavar='FILE', help='write all details'
    )
    return parser.parse_args()


def main() -> None:
    """Check, print, and copy with ``--apply``."""
    args = parse_args()

    # imported late: `-h` answers at once
    from cape_mm.datasets.formats.mp100.copy_check import check_copy
    from cape_mm.datasets.formats.mp100.copy_report import format_report
    from cape_mm.datasets.formats.mp100.source_images import copy_proven

    with one_line_errors():
        report = check_copy(
            args.annotations or args.root / 'annotations',
            args.images or args.root / 'images',
            args.carfusion,
            args.deepfashion2,
            not args.quick,
            args.queries,
            args.allow_outside,
        )
        print(format_report(report))
        bad = len(report['bad_images'])
        if args.apply:
            print('\n'.join(copy_proven(report)))
            bad -= sum(entry['copied'] for entry in report['proven'])
            print('Run the check again for the report on what is there now')
        elif report['proven']:
            print('Nothing was changed; --apply copies the proven images')
        if args.json:
            args.json.parent.mkdir(parents=True, exist_ok=True)
            args.json.write_text(json.dumps(report, indent=1) + '\n')
    print(
        f'{bad} images are missing or wrong' if bad else 'No image is missing'
    )
    sys.exit(bool(bad))


if __name__ == '__main__':
    main()
