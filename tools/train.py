# Copyright (c) cape_mm contributors. All rights reserved.
"""Train a model: ``python tools/train.py CONFIG``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

# the checkout, where this is one
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from cape_mm.cli.arguments import add_config, add_run, one_line_errors


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description='Train a model')
    add_config(parser, example='optim_wrapper.optimizer.lr=1e-4')
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        metavar='CKPT',
        help='continue from this checkpoint; without CKPT from the latest '
        'one in the working directory, or from the start if there is none',
    )
    parser.add_argument(
        '--amp', action='store_true', help='mixed precision (needs a GPU)'
    )
    parser.add_argument(
        '--no-validate',
        action='store_true',
        help='do not validate, hence keep no best checkpoint',
    )
    parser.add_argument(
        '--auto-scale-lr',
        action='store_true',
        help='scale the learning rate by actual batch size / '
        '`auto_scale_lr.base_batch_size` of the config',
    )
    add_run(parser)
    return parser.parse_args()


def main() -> None:
    """Train."""
    args = parse_args()

    # imported late: `-h` and a wrong flag answer at once
    from cape_mm.cli.launch import leave_processes, train

    with one_line_errors('; go on with --resume'):
        train(args)
    leave_processes()


if __name__ == '__main__':
    main()
