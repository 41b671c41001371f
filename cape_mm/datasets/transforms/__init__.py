# Copyright (c) cape_mm contributors. All rights reserved.
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
from .film_transforms import RandomFilmLook
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
    'RandomFilmLook',
    'RandomPhotometric',
    'RandomScaleRotation',
    'ShuffleTrackIds',
    'WarpClip',
]
