# Copyright (c) cape_mm contributors. All rights reserved.
from .episode_transforms import RandomPhotometric, RandomScaleRotation
from .film_transforms import RandomFilmLook
from .random_category_view import RandomCategoryView

__all__ = [
    'RandomCategoryView',
    'RandomFilmLook',
    'RandomPhotometric',
    'RandomScaleRotation',
]
