# Copyright (c) cape_mm contributors. All rights reserved.
"""Kinds of arguments of public functions, refused by name if they are not."""

from __future__ import annotations

import os
from numbers import Integral, Real
from typing import Any, Iterable

import numpy as np

from cape_mm.errors import shorten

_PATH = (str, os.PathLike)
_KINDS: dict[str, tuple[type | tuple, str]] = {
    'path': (_PATH, 'a path (str or Path)'),
    'image': ((*_PATH, np.ndarray), 'a path or an array (H, W, 3), uint8'),
    'list': (Iterable, 'a list'),
    'number': (Real, 'a number'),
    'count': (Integral, 'a whole number of at least 1'),
    'seed': (Integral, 'a whole number of at least 0'),
}
_LEAST = dict(count=1, seed=0)


def require(kind: str, **values: Any) -> None:
    """Refuse arguments of another kind; None must be left out before.

    Args:
        kind (str): ``'path'``, ``'image'``, ``'list'``, ``'number'``,
            ``'count'`` or ``'seed'``.
        **values: Arguments by name.

    Raises:
        TypeError: If one is of another type, with its name.
        ValueError: If a whole number is too small.
    """
    types, noun = _KINDS[kind]
    for name, value in values.items():
        wrong = not isinstance(value, types) or isinstance(value, bytes)
        if wrong or (kind == 'list' and isinstance(value, str)):
            raise TypeError(f'{name} is {shorten(value)}, must be {noun}')
        if kind in _LEAST and value < _LEAST[kind]:
            raise ValueError(f'{name} is {value}, must be >= {_LEAST[kind]}')


def require_class(kind: type, **values: Any) -> None:
    """Refuse arguments that are no objects of a class."""
    for name, value in values.items():
        if not isinstance(value, kind):
            raise TypeError(
                f'{name} is {shorten(value)}, must be a {kind.__name__}'
            )
