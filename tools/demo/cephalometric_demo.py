# Copyright (c) cape_mm contributors. All rights reserved.
"""Find the landmarks of lateral X-rays of the head, and measure them.

    python tools/demo/cephalometric_demo.py CHECKPOINT CEPHALOGRAM [CEPHALOGRAM
    ...]

Cephalograms are image files, DICOM files, or folders of them. Millimetres need
the spacing: DICOM files know it, for others say it with `--spacing`. Into
`--out-dir` go one sheet per cephalogram with landmarks, planes and
measurements, `landmarks.csv`, `measurements.csv`, `to_check.csv` (one row per
cephalogram, those to be checked first on top), and `predictions.json` with all
of it. 95 % radii and intervals need a calibration of the checkpoint:
`tools/analysis_tools/calibrate_radii.py`. Cephalograms that look the other way
than those of the training are recognised.

Not a medical device.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

# the checkout, where this is one
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from cape_mm.cli.arguments import (
    add_inference,
    amount,
    one_line_errors,
    positive,
)


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description='Find the landmarks of lateral X-rays of the head, and '
        'measure them',
        epilog='Not a medical device.',
    )
    parser.add_argument(
        'checkpoint',
        nargs='?',
        help='checkpoint file; without one, the demo says how to train it',
    )
    parser.add_argument(
        'cephalograms',
        nargs='+',
        metavar='CEPHALOGRAM',
        help='images, DICOM files, or folders of them',
    )
    parser.add_argument(
        '--spacing',
        type=amount,
        nargs='+',
        metavar='MM',
        help='millimetres per pixel of all cephalograms, one number or one '
        'along x and one along y (default: what DICOM files say)',
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
        '--radii',
        metavar='JSON',
        help='file of calibrate_radii.py (default: beside the checkpoint)',
    )
    parser.add_argument(
        '--height',
        type=positive,
        default=1000,
        help='height of the sheets in pixels (default: 1000)',
    )
    add_inference(parser, 'work_dirs/cephalometric_demo', batch_size=4)
    # flags may stand between the checkpoint and the cephalograms
    return parser.parse_intermixed_args()


def main() -> None:
    """Predict, draw and write."""
    args = parse_args()

    # imported late: `-h` and a wrong flag answer at once
    from cape_mm.cli.demos import measure_cephalograms

    with one_line_errors():
        measure_cephalograms(args)


if __name__ == '__main__':
    main()
