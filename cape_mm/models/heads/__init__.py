# Copyright (c) cape_mm contributors. All rights reserved.
from .autoregressive_keypoint_head import AutoregressiveKeypointHead
from .dropout_heatmap_head import DropoutHeatmapHead
from .matching_head import MatchingHead
from .pave_head import PAVEHead

__all__ = [
    'AutoregressiveKeypointHead',
    'DropoutHeatmapHead',
    'MatchingHead',
    'PAVEHead',
]
