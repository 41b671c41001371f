# Copyright (c) cape_mm contributors. All rights reserved.
from .aligned_matching_estimator import AlignedMatchingEstimator
from .averaged_views_estimator import AveragedViewsEstimator
from .cape_estimator import CapeEstimator
from .category_heatmap_estimator import CategoryHeatmapEstimator
from .coarse_to_fine_estimator import CoarseToFineEstimator
from .matching_estimator import MatchingEstimator
from .pavenet import PAVENet
from .pomnet_estimator import PomnetEstimator

__all__ = [
    'AlignedMatchingEstimator',
    'AveragedViewsEstimator',
    'CapeEstimator',
    'CategoryHeatmapEstimator',
    'CoarseToFineEstimator',
    'MatchingEstimator',
    'PAVENet',
    'PomnetEstimator',
]
