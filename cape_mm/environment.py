# Copyright (c) cape_mm contributors. All rights reserved.
"""Variables of the environment that configs and this package read."""

from __future__ import annotations

import os
import re
from typing import TypeVar

from .errors import UsageError

Value = TypeVar('Value', bool, int, str)

_WORDS = {word: True for word in ('1', 'y', 'yes', 'true')}
_WORDS.update({word: False for word in ('0', 'n', 'no', 'false')})


def env(name: str, default: Value, word: bool = False) -> Value:
    r"""Value of a variable of the environment, as data.

    MMEngine's ``{{$NAME:default}}`` pastes the value into the config, which is
    run: a path with ``'`` or ``\`` breaks it, and anything else may happen. A
    config has no imports, so it writes::

        max_epochs = __import__('cape_mm').env('CAPE_EPOCHS', 20)

    Args:
        name (str): Name of the variable. One that is empty counts as not set.
        default (bool | int | str): Value if it is not set. Its type is that
            of the result; an int is at least 1.
        word (bool): Whether only letters, digits, ``_`` and ``-`` are
            accepted, since it becomes part of the name of a config. Defaults
            to False.

    Returns:
        bool | int | str: The value.

    Raises:
        UsageError: If the variable has another form.
    """
    text = os.environ.get(name, '')
    if not text.strip():
        return default
    if isinstance(default, bool):
        if text.strip().lower() not in _WORDS:
            raise UsageError(
                f'{name}={text!r} of the environment must be 1 or 0'
            )
        return _WORDS[text.strip().lower()]
    if isinstance(default, int):
        if not re.fullmatch(r'\s*[0-9]{1,15}\s*', text) or int(text) < 1:
            raise UsageError(
                f'{name}={text!r} of the environment must be a whole number '
                'of at least 1'
            )
        return int(text)
    if word and not re.fullmatch(r'[\w-]+', text):
        raise UsageError(
            f'{name}={text!r} of the environment must be a name of letters, '
            'digits, _ and -'
        )
    return text


#: Largest image that is decoded, in millions of pixels: the variable
#: ``CAPE_MM_MAX_MEGAPIXELS`` of the environment. Cephalograms of 95 exist.
MAX_MEGAPIXELS = env('CAPE_MM_MAX_MEGAPIXELS', 150)
