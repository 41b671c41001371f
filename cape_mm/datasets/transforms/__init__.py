# Copyright (c) cape_mm contributors. All rights reserved.
from .episode_transforms import RandomPhotometric, RandomScaleRotation

__all__ = ['RandomPhotometric', 'RandomScaleRotation']
