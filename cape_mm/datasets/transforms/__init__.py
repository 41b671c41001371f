# Copyright (c) cape_mm contributors. All rights reserved.
from .episode_transforms import RandomPhotometric, RandomScaleRotation
from .random_category_view import RandomCategoryView

__all__ = ['RandomCategoryView', 'RandomPhotometric', 'RandomScaleRotation']
