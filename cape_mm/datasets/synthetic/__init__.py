# Copyright (c) cape_mm contributors. All rights reserved.
from .cephalograms import (
    draw_cephalogram,
    ensure_cephalograms,
    write_cephalograms,
)
from .creatures import ensure_creatures, write_creatures
from .stick_figures import (
    draw_video,
    ensure_stick_figures,
    write_stick_figures,
)

__all__ = [
    'draw_cephalogram',
    'draw_video',
    'ensure_cephalograms',
    'ensure_creatures',
    'ensure_stick_figures',
    'write_cephalograms',
    'write_creatures',
    'write_stick_figures',
]
