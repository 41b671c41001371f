# Copyright (c) cape_mm contributors. All rights reserved.
"""What the commands that write synthetic datasets share."""

from __future__ import annotations

import argparse
import sys
import time
from typing import Any, Callable

import numpy as np


def synthetic_data_parser(
    description: str,
    example: str,
    sizes: dict[str, Any],
    units: tuple[str, ...],
) -> argparse.ArgumentParser:
    """Parser of ``out``, ``--seed`` and the size of each split.

    A size is a number, or one for each of ``units``, by name of the split.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument(
        'out', help=f'target folder, missing or empty, e.g. {example}'
    )
    parser.add_argument('--seed', type=int, default=0)
    text = ', and '.join(
        (units[0], *(f'{unit} of each' for unit in units[1:]))
    )
    shape: dict[str, Any] = {}
    if len(units) > 1:
        shape = dict(nargs=len(units), metavar=tuple(u.upper() for u in units))
    for split, size in sizes.items():
        parser.add_argument(
            f'--{split}',
            type=int,
            default=size,
            help=f'{text} (default: %(default)s)',
            **shape,
        )
    return parser


def write_and_report(
    write: Callable[..., bool], noun: str, out: str, **options
) -> None:
    """Write a dataset of ``noun`` (plural) and print how long it took.

    ``write`` returns False if the dataset is there already.
    """
    start = time.perf_counter()
    try:
        is_new = write(out, **options)
    except (FileExistsError, ValueError) as error:
        sys.exit(f'Error: {error}')
    if not is_new:
        print(f'{out} is complete already, nothing was written')
        return
    seconds = time.perf_counter() - start
    splits = options.keys() & {'train', 'val', 'test'}
    count = sum(int(np.prod(options[split])) for split in splits)
    print(f'{count} {noun} written to {out} in {seconds:.1f} s')
