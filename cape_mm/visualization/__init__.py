# Copyright (c) cape_mm contributors. All rights reserved.
from .cephalometric_sheet import draw_sheet
from .episode_visualizer import EpisodeVisualizer
from .track_visualizer import TrackVisualizer

__all__ = ['EpisodeVisualizer', 'TrackVisualizer', 'draw_sheet']
