# Copyright (c) cape_mm contributors. All rights reserved.
from .seeded_sampler import SampleIndex, SeededSampler
from .video_sampler import VideoSampler

__all__ = ['SampleIndex', 'SeededSampler', 'VideoSampler']
