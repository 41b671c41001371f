# Copyright (c) cape_mm contributors. All rights reserved.
from .writer import draw_cephalogram, write_cephalograms

__all__ = ['draw_cephalogram', 'write_cephalograms']
