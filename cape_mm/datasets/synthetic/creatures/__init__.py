# Copyright (c) cape_mm contributors. All rights reserved.
from .writer import write_creatures

__all__ = ['write_creatures']
