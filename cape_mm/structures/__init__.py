# Copyright (c) cape_mm contributors. All rights reserved.
from .episode_data_sample import EpisodeDataSample

__all__ = ['EpisodeDataSample']
