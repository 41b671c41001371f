# Copyright (c) cape_mm contributors. All rights reserved.
from .creatures import ensure_creatures, write_creatures

__all__ = ['ensure_creatures', 'write_creatures']
