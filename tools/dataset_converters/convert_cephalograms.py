# Copyright (c) cape_mm contributors. All rights reserved.
r"""Convert a dataset of cephalograms to this project's format.

    python tools/dataset_converters/convert_cephalograms.py isbi \
        downloads/isbi2015 --out-dir data/isbi2015

writes `images/` and `annotations/<name>_<part>.json` under --out-dir, and says
what was unusual. The source is not changed and nothing is overwritten.
Formats, and what is checked: docs/en/cephalometric_data.md.
"""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path
from typing import Any, Iterator, NamedTuple

# the checkout, where this is one
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

# Of the organisers' baselines.
_SEEDS = dict(cl2023=2023, cl2024=2024)
# Options that the annotation files remember.
_RECORDED = ('seed', 'shares', 'val_share', 'baseline_split', 'max_side')


class Source(NamedTuple):
    """What a format gives.

    Attributes:
        records (Iterator): The cephalograms, read one by one.
        schema (str): Name of the landmark schema.
        source_root (Path): Folder that their images are relative to.
        name (str): Begin of the names of the annotation files.
        info (Dict[str, Any]): Entries of ``info`` in these files.
        observers (Any): Collects the distance between observers.
    """

    records: Iterator
    schema: str
    source_root: Path
    name: str
    info: dict[str, Any]
    observers: Any = None


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
        type=float,
        metavar='MM',
        help='mm per pixel, for images of another size than the original '
        '(default: 0.1 for the original size, else unknown)',
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
        '--ruler-mm', type=float, default=10.0, help='default: %(default)s'
    )
    size = dict(type=int, nargs=2, metavar=('WIDTH', 'HEIGHT'))
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
        type=float,
        default=150.0,
        help='refuse larger images (default: %(default)g)',
    )
    if not has_landmarks:
        return parser
    parser.add_argument('--name', help='begin of the names of the files')
    parser.add_argument(
        '--shares',
        type=float,
        nargs=2,
        default=(0.1, 0.1),
        metavar=('VAL', 'TEST'),
        help='of the cephalograms, by persons, if the data have no split '
        '(default: '
        '0.1 0.1)',
    )
    parser.add_argument(
        '--val-share',
        type=float,
        default=0.0,
        metavar='SHARE',
        help='of the training cephalograms, if the data have a split without '
        'validation (default: none)',
    )
    parser.add_argument(
        '--seed', type=int, default=0, help='of the split (default: 0)'
    )
    parser.add_argument(
        '--link',
        action='store_true',
        help='make symbolic links to the images instead of copies',
    )
    parser.add_argument(
        '--max-side',
        type=int,
        metavar='PIXELS',
        help='make larger images smaller, with landmarks and spacing',
    )
    parser.add_argument(
        '--skip-missing',
        action='store_true',
        help='leave out cephalograms without image instead of stopping',
    )
    return parser


def open_source(args: argparse.Namespace, report: Any) -> Source:
    """Start to read.

    Args:
        args (argparse.Namespace): The command line.
        report (AnnotationReport): For the reader.

    Returns:
        Source: The cephalograms and what belongs to them.
    """
    from cape_mm.datasets.formats import cephalometric as files
    from cape_mm.structures import get_schema

    path = args.source
    if args.format in ('isbi', 'aariz'):
        schema = dict(isbi='isbi2015', aariz='aariz29')[args.format]
        observers = files.ObserverError(get_schema(schema).codes)
        read = partial(files.read_aariz, path, report)
        if args.format == 'isbi':
            read = partial(files.read_isbi, path, report, spacing=args.spacing)
        records = read(annotator=args.annotator, observer_error=observers)
        info = dict(annotator=args.annotator)
        return Source(records, schema, path, schema, info, observers)
    if args.format == 'cl2023':
        records = files.read_cl_detection_stack(
            args.stack or path / 'train_stack.mha',
            args.labels or path / 'train-gt.json',
            report,
        )
        return Source(records, 'cl_detection38', path, 'cl_detection2023', {})
    if args.format == 'cl2024':
        table = path / 'labels.csv' if path.is_dir() else path
        images = table.parent / 'images'
        records = files.read_cl_detection_table(table, images, report)
        return Source(
            records, 'cl_detection53', images, 'cl_detection2024', {}
        )
    schema = get_schema(args.schema)
    if args.format == 'csv':
        images = args.images or path.parent
        records = files.read_csv(
            path, schema, images, report, max_megapixels=args.max_megapixels
        )
        return Source(records, args.schema, images, path.stem, {})
    sizes = None
    if args.rulers is not None:
        frame = tuple(args.ruler_frame)
        sizes = files.read_rulers(args.rulers, frame, args.ruler_mm)
    image_size = args.image_size and tuple(args.image_size)
    records = files.read_pandas_json(path, schema, report, image_size, sizes)
    return Source(records, args.schema, path.parent, path.stem, {})


def convert(args: argparse.Namespace) -> list[str]:
    """Convert one dataset.

    Args:
        args (argparse.Namespace): The command line.

    Returns:
        List[str]: What was done, in lines.

    Raises:
        ImportError: If a package for the format is missing.
        KeyError: If there is no such schema.
        OSError: If a file is missing or there already.
        ValueError: If a file is wrong.
    """
    from cape_mm.datasets.formats import cephalometric as files
    from cape_mm.structures import get_schema

    report = files.make_report(args.source.name)
    if args.format == 'dicom':
        count = files.unpack_dicom_folder(
            args.source,
            args.out_dir,
            get_schema(args.schema),
            report,
            args.max_megapixels,
        )
        lines = [
            f'{count} cephalograms, and '
            f'{args.out_dir / "cephalograms.csv"} to fill in'
        ]
        return lines + ([str(report)] if report else [])
    source = open_source(args, report)
    store = files.ImageStore(
        source.source_root,
        args.out_dir / 'images',
        report,
        link=args.link,
        max_side=args.max_side,
        max_megapixels=args.max_megapixels,
    )
    split = files.make_splitter(tuple(args.shares), args.seed, args.val_share)
    if getattr(args, 'baseline_split', False):
        split = files.make_baseline_splitter(_SEEDS[args.format])
    chosen = {k: v for k, v in vars(args).items() if k in _RECORDED}
    summaries = files.write_cephalogram_folder(
        source.records,
        get_schema(source.schema),
        args.out_dir,
        args.name or source.name,
        store,
        report,
        split,
        skip_missing=args.skip_missing,
        info=dict(source.info, format=args.format, options=chosen),
    )
    lines = [str(summary) for summary in summaries]
    if source.observers is not None:
        lines += source.observers.lines()
    return lines + ([str(report)] if report else [])


def main() -> None:
    """Convert and say what was done."""
    args = parse_args()
    try:
        print('\n'.join(convert(args)))
    except (ImportError, OSError, ValueError) as error:
        sys.exit(f'Error: {error}')
    except KeyError as error:
        sys.exit(f'Error: {error.args[0]}')


if __name__ == '__main__':
    main()
