# Copyright (c) cape_mm contributors. All rights reserved.
"""What the command lines of ``tools/train.py`` and ``tools/test.py`` share.

Imports no PyTorch, so that ``-h`` and a wrong flag answer at once.
"""

from __future__ import annotations

import argparse

from mmengine.config import DictAction


def add_common_arguments(
    parser: argparse.ArgumentParser, example: str
) -> None:
    """Add the flags for images, settings and launching.

    Args:
        parser (argparse.ArgumentParser): Gets the flags.
        example (str): A setting worth showing in the help.
    """
    parser.add_argument(
        '--show', action='store_true', help='show the images in a window'
    )
    parser.add_argument(
        '--interval',
        type=int,
        default=1,
        help='draw every N-th query (default: 1)',
    )
    parser.add_argument(
        '--wait-time',
        type=float,
        default=1,
        help='seconds that a window stays (default: 1)',
    )
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        metavar='KEY=VALUE',
        help='override settings of the config, e.g. '
        f'{example} key="[a,b]"; applied last',
    )
    parser.add_argument(
        '--launcher',
        choices=['none', 'pytorch', 'slurm', 'mpi'],
        default='none',
        help='how the processes of a distributed run are started',
    )
    parser.add_argument(
        '--local_rank',
        '--local-rank',
        type=int,
        default=0,
        help=argparse.SUPPRESS,  # given by PyTorch's old launcher
    )
