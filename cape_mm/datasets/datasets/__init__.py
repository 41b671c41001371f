# Copyright (c) cape_mm contributors. All rights reserved.
from .creatures_dataset import CreaturesDataset
from .episode_dataset import EpisodeDataset
from .mp100_dataset import MP100Dataset
from .single_image_episode_dataset import SingleImageEpisodeDataset

__all__ = [
    'CreaturesDataset',
    'EpisodeDataset',
    'MP100Dataset',
    'SingleImageEpisodeDataset',
]
