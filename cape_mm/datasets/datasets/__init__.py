# Copyright (c) cape_mm contributors. All rights reserved.
from .cephalograms_dataset import CephalogramsDataset
from .cephalometric_dataset import CephalometricDataset
from .creatures_dataset import CreaturesDataset
from .episode_dataset import EpisodeDataset
from .mp100_dataset import MP100Dataset
from .pair_list_episode_dataset import PairListEpisodeDataset
from .posetrack_clip_dataset import PoseTrackClipDataset
from .single_category_episode_dataset import SingleCategoryEpisodeDataset
from .single_image_episode_dataset import SingleImageEpisodeDataset
from .static_image_clip_dataset import StaticImageClipDataset
from .stick_figures_dataset import StickFiguresDataset

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
