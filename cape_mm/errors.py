# Copyright (c) cape_mm contributors. All rights reserved.
"""Errors of which the message is all that a user needs."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType


class DataError(ValueError):
    """Something is wrong with the data, or with what is asked of them.

    The message says what, where, and what helps. Tools print it alone,
    without the calls that led to it, so nothing else may raise this.
    """


class UnsafeCheckpointError(RuntimeError):
    """A checkpoint cannot be loaded without running code from the file."""


class UnsuitableCheckpointError(ValueError):
    """A checkpoint does not hold what the task requires."""


class UsageError(ValueError):
    """A command line that cannot be followed; the message is one sentence."""


def import_extra(module: str, requirements: str, purpose: str) -> ModuleType:
    """Import an optional package, or say how to install it.

    Args:
        module (str): Name of the module.
        requirements (str): Arguments of ``pip install``, quoted for a shell.
        purpose (str): Subject of the message, such as ``'a .slp file'``.

    Returns:
        ModuleType: The module.

    Raises:
        ImportError: If it cannot be imported, with the command.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise ImportError(
            f'{purpose} needs {module} ({error}): pip install {requirements}'
        ) from error
