# Copyright (c) cape_mm contributors. All rights reserved.
r"""Fit a model to some labelled images of your own object.

    python tools/finetune.py labels.json --out-dir work_dirs/mugs

DATA is an annotation file, or a folder of any annotation tool that
import_annotations.py reads. Three labelled images are enough, five are
better; it takes about a minute, two with twenty. The table compares the fitted
models with the matcher, which needs no training, and with copying, on held-out
images; the best one is written. Ctrl-C keeps the best so far.
docs/en/finetuning.md.

    python tools/finetune.py annotations.json --family cephalometric \
        --checkpoint CHECKPOINT

fits a cephalometric checkpoint to labelled cephalograms, five or, better,
twenty, and keeps it if it is better on those that are held out.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

# the checkout, where this is one
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from cape_mm.cli.arguments import (
    add_device,
    amount,
    natural,
    one_line_errors,
    positive,
)


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('data', type=Path, help='annotation file or folder')
    parser.add_argument(
        '--family',
        choices=('cape', 'cephalometric'),
        default='cape',
        help='kind of the model (default: %(default)s)',
    )
    parser.add_argument('--category', metavar='NAME', help='if there are more')
    parser.add_argument(
        '--image-root',
        type=Path,
        metavar='DIR',
        help='folder of the images (default: beside the annotation file)',
    )
    parser.add_argument(
        '--checkpoint',
        help='earlier result of this tool, to go on from; of the '
        'cephalometric family any trained checkpoint',
    )
    parser.add_argument(
        '--config',
        help='config on the base of configs/cape/finetune_*.py (default: '
        'finetune_efficientnet-lite0.py)',
    )
    parser.add_argument(
        '--shots',
        type=positive,
        default=5,
        metavar='N',
        help='labelled images that the matcher uses as supports (default: '
        '%(default)s)',
    )
    parser.add_argument(
        '--minutes',
        type=amount,
        default=3.0,
        help='limit of the fitting (default: %(default)s)',
    )
    parser.add_argument(
        '--seed', type=natural, default=0, help='of the split and the fitting'
    )
    parser.add_argument(
        '--out-dir', default='work_dirs/finetune', help='default: %(default)s'
    )
    add_device(parser)
    return parser.parse_args()


def main() -> None:
    """Fit and write."""
    args = parse_args()

    # imported late: `-h` and a wrong flag answer at once
    from cape_mm.cli.finetune import finetune

    with one_line_errors():
        finetune(args)


if __name__ == '__main__':
    main()
