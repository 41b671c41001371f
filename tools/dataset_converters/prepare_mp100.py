# Copyright (c) cape_mm contributors. All rights reserved.
"""Check a copy of MP-100 against its annotation files.

    python tools/dataset_converters/prepare_mp100.py data/mp100

lists missing images by category and source, problems of annotations, missing
skeletons, and what of the protocol is lost with them. Nothing is changed.
With --carfusion and --deepfashion2, images with other names are looked for;
only those that are proven to be the annotated ones are copied, and only with
--apply.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path

# the checkout, where this is one
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))


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
        '--decode',
        action='store_true',
        help='decode every image: finds incomplete ones, takes minutes',
    )
    parser.add_argument(
        '--queries',
        type=int,
        default=15,
        help='queries per episode (default: 15, the published number)',
    )
    parser.add_argument(
        '--json', type=Path, metavar='FILE', help='write all details'
    )
    args = parser.parse_args()
    args.annotations = args.annotations or args.root / 'annotations'
    args.images = args.images or args.root / 'images'
    return args


def check(args: argparse.Namespace) -> dict:
    """Make the whole report.

    Args:
        args (argparse.Namespace): The command line.

    Returns:
        dict: The report; plain values.

    Raises:
        FileNotFoundError: If there are no annotation files, or a download is
            not where it should be.
        DataError: If an annotation file is broken.
    """
    from cape_mm.datasets.formats.mp100 import (
        check_annotation_file,
        check_images,
        check_splits,
        find_matches,
    )
    from cape_mm.datasets.formats.mp100.annotation import load_annotation_file

    files = sorted(args.annotations.glob('*.json'))
    if not files:
        raise FileNotFoundError(
            f'no annotation files (*.json) in {args.annotations}'
        )
    for folder in (args.carfusion, args.deepfashion2):
        if folder is not None and not folder.is_dir():
            raise FileNotFoundError(f'there is no folder {folder}')
    contents = {f.name: load_annotation_file(str(f)) for f in files}
    images = {
        image['file_name']: image
        for content in contents.values()
        for image in content['images']
    }
    states = check_images(list(images.values()), args.images, args.decode)
    matches, unproven = find_matches(
        list(contents.values()),
        states,
        args.images,
        args.carfusion,
        args.deepfashion2,
    )
    return dict(
        annotations=str(args.annotations),
        images=str(args.images),
        splits=check_splits(contents),
        files=[
            check_annotation_file(
                file, contents[file.name], states, num_queries=args.queries
            )
            for file in files
        ],
        bad_images={k: v for k, v in states.items() if v != 'ok'},
        proven=[
            dict(file_name=m.file_name, found=str(m.path), proof=m.proof)
            for m in matches
        ],
        unproven=[
            dict(file_name=u.file_name, reason=u.reason) for u in unproven
        ],
    )


def describe_matches(report: dict, max_lines: int = 10) -> list[str]:
    """Say which images were found elsewhere.

    Args:
        report (dict): From :func:`check`.
        max_lines (int): Lines of each kind. Defaults to 10.

    Returns:
        List[str]: The lines.
    """
    lines = []
    for key, title in (
        ('proven', 'found under another name, proven'),
        ('unproven', 'looked for, not proven (left alone)'),
    ):
        entries = report[key]
        if not entries:
            continue
        lines += ['', f'{len(entries)} images {title}']
        for entry in entries[:max_lines]:
            why = entry.get('reason') or (
                f'{entry["found"]}: {entry["proof"]}'
            )
            lines.append(f'  {entry["file_name"]}: {why}')
        if len(entries) > max_lines:
            lines.append(f'  ... and {len(entries) - max_lines} more')
    return lines


def copy_proven(report: dict) -> list[str]:
    """Copy the proven images to their annotated names.

    Args:
        report (dict): From :func:`check`; entries get ``copied``.

    Returns:
        List[str]: What was done, a line each.
    """
    lines = []
    for entry in report['proven']:
        target = Path(report['images'], entry['file_name'])
        # A file of another size is somebody's work, if wrong: not ours.
        entry['copied'] = not target.exists()
        if entry['copied']:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(entry['found'], target)
            lines.append(f'copied {entry["found"]} -> {target}')
        else:
            lines.append(
                f'NOT copied: {target} exists with another size; move it away'
            )
    return lines


def main() -> None:
    """Check, print, and copy if asked to."""
    args = parse_args()

    # imported late: `-h` answers at once
    from cape_mm.datasets.formats.mp100 import format_report
    from cape_mm.errors import DataError

    try:
        report = check(args)
    except (FileNotFoundError, DataError) as error:
        sys.exit(f'Error: {error}')
    print(format_report(report))
    print('\n'.join(describe_matches(report)))
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
