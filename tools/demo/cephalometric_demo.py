# Copyright (c) cape_mm contributors. All rights reserved.
"""Find the landmarks of lateral X-rays of the head, and measure them.

    python tools/demo/cephalometric_demo.py CHECKPOINT CEPHALOGRAM [CEPHALOGRAM
    ...]

Cephalograms are image files, DICOM files, or folders of them. Millimetres need
the spacing: DICOM files know it, for others say it with `--spacing`. Into
`--out-dir` go one sheet per cephalogram with landmarks, planes and
measurements, `landmarks.csv`, `measurements.csv`, and `predictions.json` with
all of it.

Not a medical device.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

# the checkout, where this is one
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from cape_mm.cli.arguments import one_line_errors

KINDS = ('.jpg', '.jpeg', '.png', '.bmp', '.tif', '.tiff')


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description='Find the landmarks of lateral X-rays of the head, and '
        'measure them',
        epilog='Not a medical device.',
    )
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument(
        'cephalograms',
        nargs='+',
        metavar='CEPHALOGRAM',
        help='images, DICOM files, or folders of them',
    )
    parser.add_argument(
        '--config', help='config file (default: stored in the checkpoint)'
    )
    parser.add_argument(
        '--spacing',
        type=float,
        nargs='+',
        metavar='MM',
        help='millimetres per pixel of all cephalograms, one number or one '
        'along x '
        'and one along y (default: what DICOM files say)',
    )
    parser.add_argument(
        '--norms',
        default='customary',
        help='what measurements are compared with (default: customary)',
    )
    parser.add_argument(
        '--min-score',
        type=float,
        default=0.0,
        help='do not measure with landmarks whose confidence is not above '
        'this (default: 0)',
    )
    parser.add_argument(
        '--height',
        type=int,
        default=1000,
        help='height of the sheets in pixels (default: 1000)',
    )
    parser.add_argument('--out-dir', default='work_dirs/cephalometric_demo')
    parser.add_argument('--device', help='e.g. cpu or cuda:0')
    parser.add_argument('--batch-size', type=int, default=4)
    args = parser.parse_args()
    if args.batch_size < 1:
        parser.error(f'--batch-size is {args.batch_size}, must be >= 1')
    return args


def find_cephalograms(paths: list[str]) -> list[str]:
    """Replace folders by the cephalograms in them, sorted by name."""
    from cape_mm.datasets.formats.cephalometric import is_dicom
    from cape_mm.errors import UsageError

    found = []
    for path in map(Path, paths):
        if path.is_dir():
            files = [
                file
                for file in path.iterdir()
                # DICOM files often have no suffix
                if file.suffix.lower() in KINDS or is_dicom(file)
            ]
            if not files:
                raise UsageError(
                    f'there is no cephalogram in the folder {path}'
                )
            found += sorted(files)
        else:
            found.append(path)
    return [str(path) for path in found]


def run(args: argparse.Namespace) -> None:
    """Predict, draw and write."""
    import mmcv
    import mmengine

    from cape_mm.apis import CephInferencer
    from cape_mm.apis.ceph_report import describe_cephalogram, write_table
    from cape_mm.apis.cephalogram_loader import read_image
    from cape_mm.errors import UsageError
    from cape_mm.evaluation.functional.cephalometric_norms import (
        available_norms,
        load_norms,
    )
    from cape_mm.visualization import draw_sheet

    if args.norms not in available_norms():
        raise UsageError(
            f'no norms {args.norms!r}; there are '
            f'{", ".join(available_norms())}'
        )
    cephalograms, norms = (
        find_cephalograms(args.cephalograms),
        load_norms(args.norms),
    )
    inferencer = CephInferencer(
        args.checkpoint, args.config, args.device, args.min_score
    )
    out_dir = Path(args.out_dir)
    entries, tables = [], dict(landmarks=[], measurements=[])
    results = inferencer(cephalograms, args.spacing, args.batch_size)
    for number, (cephalogram, result) in enumerate(zip(cephalograms, results)):
        name = f'{number:04d}_{Path(cephalogram).stem}.png'
        sheet = draw_sheet(
            read_image(cephalogram),
            result,
            Path(cephalogram).name,
            norms,
            args.height,
        )
        mmcv.imwrite(mmcv.rgb2bgr(sheet), str(out_dir / name))
        entry = dict(describe_cephalogram(result, norms), visualization=name)
        entries.append(entry)
        for kind, rows in tables.items():
            rows += [dict(image=cephalogram, **row) for row in entry[kind]]
    for kind, rows in tables.items():
        write_table(out_dir / f'{kind}.csv', rows)
    content = dict(
        schema=inferencer.schema.name, norms=args.norms, cephalograms=entries
    )
    mmengine.dump(content, out_dir / 'predictions.json', indent=2)
    print(
        f'{len(entries)} sheet(s), landmarks.csv, measurements.csv and '
        f'predictions.json are in {out_dir}'
    )


def main() -> None:
    """Run, and end with one sentence when the user's input is wrong."""
    args = parse_args()

    # imported late: `-h` and a wrong flag answer at once
    from cape_mm.errors import UsageError

    with one_line_errors():
        try:
            run(args)
        except ImportError as error:  # pydicom is optional
            raise UsageError(str(error)) from error


if __name__ == '__main__':
    main()
