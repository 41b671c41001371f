# Copyright (c) cape_mm contributors. All rights reserved.
from .cephalogram_transforms import RandomCephalogramLook
from .clip_geometry import (
    ClipFit,
    ClipResize,
    RandomClipAffine,
    RandomClipCrop,
    RandomClipFlip,
    RandomClipPolicy,
)
from .clip_identities import ShuffleTrackIds
from .clip_loading import LoadClipImages
from .clip_packing import PackClipInputs
from .clip_photometric import RandomClipPhotometric
from .clip_warp import WarpClip
from .episode_transforms import RandomPhotometric, RandomScaleRotation
from .random_category_view import RandomCategoryView

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
