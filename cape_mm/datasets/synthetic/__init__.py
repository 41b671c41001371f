# Copyright (c) cape_mm contributors. All rights reserved.
from .cephalograms.writer import draw_cephalogram, write_cephalograms
from .creatures.writer import write_creatures
from .stick_figures.writer import draw_video, write_stick_figures

__all__ = [
    'draw_cephalogram',
    'draw_video',
    'write_cephalograms',
    'write_creatures',
    'write_stick_figures',
]
