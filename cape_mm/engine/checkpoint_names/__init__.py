# Copyright (c) cape_mm contributors. All rights reserved.
"""Names of the parameters of other projects' checkpoints, as data."""

from .name_map import NameMap, UnknownNameError

__all__ = ['NameMap', 'UnknownNameError']
