# Copyright (c) cape_mm contributors. All rights reserved.
"""What the commands that write synthetic datasets share."""

from __future__ import annotations

import argparse
import time
from inspect import signature
from typing import Callable

import numpy as np

from cape_mm.errors import UsageError

from .arguments import natural, one_line_errors, positive


def synthetic_data_parser(
    write: Callable[..., bool],
    description: str,
    example: str,
    units: tuple[str, ...],
    image_help: str,
) -> argparse.ArgumentParser:
    """Parser of the arguments of ``write``; a split has a size per unit."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument(
        'out', help=f'target folder, missing or empty, e.g. {example}'
    )
    text = ', and '.join((units[0], *(f'{u} of each' for u in units[1:])))
    size: dict = dict(help=f'{text} (default: %(default)s)')
    if len(units) > 1:
        size.update(nargs=len(units), metavar=tuple(u.upper() for u in units))
    special = dict(seed={}, train=size, val=size, test=size)
    _, *parameters = signature(write).parameters.values()
    for parameter in parameters:
        flag = f'--{parameter.name.replace("_", "-")}'
        image = dict(
            type=positive, help=f'{image_help} (default: %(default)s)'
        )
        options = special.get(parameter.name, image)
        default = parameter.default
        options = dict(dict(type=natural, default=default), **options)
        parser.add_argument(flag, **options)
    return parser


def write_and_report(
    write: Callable[..., bool], noun: str, out: str, **options
) -> None:
    """Write a dataset of ``noun`` (plural) and print how long it took."""
    start = time.perf_counter()
    with one_line_errors():
        try:
            is_new = write(out, **options)
        except ValueError as error:  # of what it is asked for
            raise UsageError(str(error)) from None
    if not is_new:
        print(f'{out} is complete already, nothing was written')
        return
    seconds = time.perf_counter() - start
    splits = options.keys() & {'train', 'val', 'test'}
    count = sum(int(np.prod(options[split])) for split in splits)
    print(f'{count} {noun} written to {out} in {seconds:.1f} s')
