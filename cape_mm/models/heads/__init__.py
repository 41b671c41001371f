# Copyright (c) cape_mm contributors. All rights reserved.
from .aligned_heatmap_head import AlignedHeatmapHead
from .autoregressive_keypoint_head import AutoregressiveKeypointHead
from .coarse_to_fine_heatmap_head import CoarseToFineHeatmapHead
from .dropout_heatmap_head import DropoutHeatmapHead
from .matching_head import MatchingHead
from .matching_refinement_head import MatchingRefinementHead
from .matching_search_head import MatchingSearchHead
from .meta_point_head import MetaPointHead
from .one_stage_keypoint_head import OneStageKeypointHead
from .pave_head import PAVEHead
from .pomnet_head import PomnetHead
from .probability_heatmap_head import ProbabilityHeatmapHead

__all__ = [
    'AlignedHeatmapHead',
    'AutoregressiveKeypointHead',
    'CoarseToFineHeatmapHead',
    'DropoutHeatmapHead',
    'MatchingHead',
    'MatchingRefinementHead',
    'MatchingSearchHead',
    'MetaPointHead',
    'OneStageKeypointHead',
    'PAVEHead',
    'PomnetHead',
    'ProbabilityHeatmapHead',
]
