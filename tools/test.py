# Copyright (c) cape_mm contributors. All rights reserved.
"""Test a model: ``python tools/test.py CONFIG CHECKPOINT``.

Without a checkpoint if nothing of the model is trained.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

# the checkout, where this is one
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from cape_mm.cli.arguments import (
    add_checkpoint,
    add_config,
    add_run,
    one_line_errors,
)


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description='Test a checkpoint')
    add_config(parser, example='test_dataloader.num_workers=0')
    add_checkpoint(parser)
    parser.add_argument(
        '--out', metavar='FILE', help='write the metrics to this .json file'
    )
    parser.add_argument(
        '--dump',
        metavar='FILE',
        help='write all predictions to this .pkl file',
    )
    add_run(parser)  # --show-dir and the like
    return parser.parse_args()


def main() -> None:
    """Test."""
    args = parse_args()

    # imported late: `-h` and a wrong flag answer at once
    from cape_mm.cli.launch import leave_processes, test

    with one_line_errors():
        test(args)
    leave_processes()


if __name__ == '__main__':
    main()
