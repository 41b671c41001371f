# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from textwrap import shorten
from typing import Sequence

_NUM_SHOWN = 3
_WIDTH = 300


def brief(error: BaseException) -> str:
    """Say briefly what went wrong.

    Args:
        error (BaseException): Any error.

    Returns:
        str: Its type and the beginning of its message, in one line.
    """
    text = f'{type(error).__name__}: {error}'
    return shorten(text, _WIDTH, placeholder=' ...')


def some_of(names: Sequence[object]) -> str:
    """Name the first few of many.

    Args:
        names (Sequence): What is to be named.

    Returns:
        str: The first three, and dots if there are more.
    """
    shown: list[str] = [str(name) for name in names[:_NUM_SHOWN]]
    return ', '.join([*shown, *(['...'] if len(names) > _NUM_SHOWN else [])])
