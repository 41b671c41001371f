# Copyright (c) cape_mm contributors. All rights reserved.
from .cape_estimator import CapeEstimator
from .pavenet import PAVENet

__all__ = ['CapeEstimator', 'PAVENet']
