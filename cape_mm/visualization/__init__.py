# Copyright (c) cape_mm contributors. All rights reserved.
from .cephalometric_sheet import draw_sheet
from .episode_visualizer import EpisodeVisualizer

__all__ = ['EpisodeVisualizer', 'draw_sheet']
