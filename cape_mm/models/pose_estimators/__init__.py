# Copyright (c) cape_mm contributors. All rights reserved.
from .cape_estimator import CapeEstimator

__all__ = ['CapeEstimator']
