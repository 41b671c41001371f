# Copyright (c) cape_mm contributors. All rights reserved.
from .writer import draw_video, write_stick_figures

__all__ = ['draw_video', 'write_stick_figures']
