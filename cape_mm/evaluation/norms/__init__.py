# Copyright (c) cape_mm contributors. All rights reserved.
from .norm import Norm, available_norms, load_norms

__all__ = ['Norm', 'available_norms', 'load_norms']
