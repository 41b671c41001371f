# Copyright (c) cape_mm contributors. All rights reserved.
from .episode_sampler import EpisodeSampler
from .video_sampler import VideoSampler

__all__ = ['EpisodeSampler', 'VideoSampler']
