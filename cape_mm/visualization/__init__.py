# Copyright (c) cape_mm contributors. All rights reserved.
from .episode_visualizer import EpisodeVisualizer

__all__ = ['EpisodeVisualizer']
