# Copyright (c) cape_mm contributors. All rights reserved.
from .episode_data_preprocessor import EpisodeDataPreprocessor

__all__ = ['EpisodeDataPreprocessor']
