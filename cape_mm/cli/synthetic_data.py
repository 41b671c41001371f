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
    """Make a parser with the options of every such command.

    Args:
        description (str): Description of the dataset.
        example (str): Example of a target folder.
        sizes (dict[str, Any]): Split -> its default size: a number, or one
            for each of ``units``.
        units (tuple[str, ...]): Names of the numbers of a size.

    Returns:
        argparse.ArgumentParser: Parser of ``out``, ``--seed`` and an option
        for the size of each split.
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
    """Write a dataset and print how long it took.

    Args:
        write (Callable[..., bool]): Writer of the dataset, as
            :func:`~cape_mm.datasets.synthetic.write_creatures`; False if it
            was there already.
        noun (str): Plural of what is counted, e.g. ``'images'``.
        out (str): Target folder.
        **options: Other arguments of ``write``.

    Raises:
        SystemExit: If the folder holds something else, or a number is out of
            range.
    """
    start = time.perf_counter()
    sizes = [
        options[key] for key in ('train', 'val', 'test') if key in options
    ]
    try:
        is_new = write(out, **options)
    except (FileExistsError, ValueError) as error:
        sys.exit(f'Error: {error}')
    if not is_new:
        print(f'{out} is complete already, nothing was written')
        return
    seconds = time.perf_counter() - start
    count = sum(int(np.prod(size)) for size in sizes)
    print(f'{count} {noun} written to {out} in {seconds:.1f} s')
