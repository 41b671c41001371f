# Copyright (c) cape_mm contributors. All rights reserved.
"""Errors of which the message is all that a user needs."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any, Sequence

if TYPE_CHECKING:
    import numpy as np


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


class MissingPackageError(ImportError):
    """An optional package is needed; the message says how to install it."""


def shorten(value: Any, length: int = 80) -> str:
    """A value for a message, in one line."""
    text = repr(value).replace('\n', ' ')
    return text if len(text) <= length else f'{text[:length]} ...'


def refuse_nonfinite(
    where: str, names: Sequence[str], *predictions: np.ndarray
) -> None:
    """Refuse predictions that are NaN or infinite.

    Args:
        where (str): Image of the predictions.
        names (Sequence[str]): Names of the K keypoints.
        *predictions (np.ndarray): Arrays (K, ...), such as keypoints or
            scores.

    Raises:
        DataError: If some are, with the names of their keypoints.
    """
    import numpy as np  # tools answer -h without it

    is_bad = np.zeros(len(names), dtype=bool)
    for array in predictions:
        axes = tuple(range(1, np.ndim(array)))
        is_bad |= ~np.isfinite(array).all(axis=axes)
    if is_bad.any():
        bad = [str(names[index]) for index in np.flatnonzero(is_bad)]
        raise DataError(
            f'{where}: the prediction of {", ".join(bad[:5])}'
            f'{" and others" * (len(bad) > 5)} is not finite. The weights or '
            'the input are not: check the loss and the learning rate'
        )


def import_extra(module: str, requirements: str, purpose: str) -> ModuleType:
    """Import an optional package, or say how to install it.

    Args:
        module (str): Name of the module.
        requirements (str): Arguments of ``pip install``, quoted for a shell.
        purpose (str): Subject of the message, such as ``'a .slp file'``.

    Returns:
        ModuleType: The module.

    Raises:
        MissingPackageError: If it cannot be imported, with the command.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise MissingPackageError(
            f'{purpose} needs {module} ({error}): pip install {requirements}'
        ) from error
