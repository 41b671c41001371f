# Copyright (c) cape_mm contributors. All rights reserved.
from .cephalogram_transforms import RandomCephalogramLook
from .clip_formatting import LoadClipImages, PackClipInputs, ShuffleTrackIds
from .clip_geometry import (
    ClipFit,
    ClipResize,
    RandomClipAffine,
    RandomClipCrop,
    RandomClipFlip,
    RandomClipPolicy,
)
from .clip_photometric import RandomClipPhotometric
from .clip_warp import WarpClip
from .episode_transforms import (
    RandomCategoryView,
    RandomPhotometric,
    RandomScaleRotation,
)

__all__ = [
    'ClipFit',
    'ClipResize',
    'LoadClipImages',
    'PackClipInputs',
    'RandomCategoryView',
    'RandomClipAffine',
    'RandomClipCrop',
    'RandomClipFlip',
    'RandomClipPhotometric',
    'RandomClipPolicy',
    'RandomCephalogramLook',
    'RandomPhotometric',
    'RandomScaleRotation',
    'ShuffleTrackIds',
    'WarpClip',
]
