# Copyright (c) cape_mm contributors. All rights reserved.
"""Measure the 95 % radii of a cephalometric model's landmarks.

    python tools/analysis_tools/calibrate_radii.py CHECKPOINT \
        data/isbi2015/annotations/isbi2015_val.json

The cephalograms must be others than those of the training: those of the
validation, 15 or more. The radii go beside the checkpoint, CHECKPOINT with
the suffix `.radii.json`, where `CephalometricInferencer` and the demo find
them. `--check` says which share of a third annotation file they cover.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

# the checkout, where this is one
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from cape_mm.cli.arguments import add_device, one_line_errors, share


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument(
        'ann_file', type=Path, help='annotation file of the validation'
    )
    parser.add_argument(
        '--images',
        type=Path,
        metavar='DIR',
        help='folder of the images (default: `images` beside the folder of '
        'the annotation file)',
    )
    parser.add_argument(
        '--check',
        type=Path,
        metavar='ANN_FILE',
        help='print which share of these cephalograms is covered',
    )
    parser.add_argument(
        '--coverage',
        type=share,
        default=0.95,
        help='share of landmarks within their radius (default: 0.95)',
    )
    parser.add_argument(
        '--config', help='config file (default: stored in the checkpoint)'
    )
    add_device(parser)
    return parser.parse_args()


def main() -> None:
    """Calibrate, write and check."""
    args = parse_args()

    # imported late: `-h` and a wrong flag answer at once
    from cape_mm.cli.radii import calibrate

    with one_line_errors():
        calibrate(args)


if __name__ == '__main__':
    main()
