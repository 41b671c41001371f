# Copyright (c) cape_mm contributors. All rights reserved.
from .clip_data_preprocessor import ClipDataPreprocessor
from .episode_data_preprocessor import EpisodeDataPreprocessor

__all__ = ['ClipDataPreprocessor', 'EpisodeDataPreprocessor']
