# Copyright (c) cape_mm contributors. All rights reserved.
from .cape_estimator import CapeEstimator
from .matching_estimator import MatchingEstimator
from .pavenet import PAVENet

__all__ = ['CapeEstimator', 'MatchingEstimator', 'PAVENet']
