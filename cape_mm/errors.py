# Copyright (c) cape_mm contributors. All rights reserved.
"""Errors of which the message is all that a user needs."""

from __future__ import annotations


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
