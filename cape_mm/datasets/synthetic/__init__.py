# Copyright (c) cape_mm contributors. All rights reserved.
from .cephalograms import draw_film, ensure_cephalograms, write_cephalograms
from .creatures import ensure_creatures, write_creatures

__all__ = [
    'draw_film',
    'ensure_cephalograms',
    'ensure_creatures',
    'write_cephalograms',
    'write_creatures',
]
