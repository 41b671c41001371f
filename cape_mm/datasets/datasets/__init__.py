# Copyright (c) cape_mm contributors. All rights reserved.
from .cephalometric_dataset import CephalometricDataset
from .episode_dataset import EpisodeDataset
from .mp100_dataset import MP100Dataset
from .pair_list_episode_dataset import PairListEpisodeDataset
from .posetrack_clip_dataset import PoseTrackClipDataset
from .single_category_episode_dataset import SingleCategoryEpisodeDataset
from .single_image_episode_dataset import SingleImageEpisodeDataset
from .static_image_clip_dataset import StaticImageClipDataset
from .synthetic_datasets import (
    CephalogramsDataset,
    CreaturesDataset,
    StickFiguresDataset,
)

__all__ = [
    'CephalogramsDataset',
    'CephalometricDataset',
    'CreaturesDataset',
    'EpisodeDataset',
    'MP100Dataset',
    'PairListEpisodeDataset',
    'PoseTrackClipDataset',
    'SingleCategoryEpisodeDataset',
    'SingleImageEpisodeDataset',
    'StaticImageClipDataset',
    'StickFiguresDataset',
]
