# Copyright (c) cape_mm contributors. All rights reserved.
from .layouts import write_aariz_tree, write_isbi_tree, write_layout
from .writer import draw_cephalogram, write_cephalograms

__all__ = [
    'draw_cephalogram',
    'write_aariz_tree',
    'write_cephalograms',
    'write_isbi_tree',
    'write_layout',
]
