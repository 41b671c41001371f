# Copyright (c) cape_mm contributors. All rights reserved.
from .coordinate_loss import KeypointL1Loss, KeypointRLELoss
from .flow_rle_loss import FlowRLELoss
from .heatmap_kl_loss import HeatmapKLLoss
from .masked_mean import masked_mean
from .pave_criterion import PAVECriterion
from .token_type_loss import token_type_loss

__all__ = [
    'FlowRLELoss',
    'HeatmapKLLoss',
    'KeypointL1Loss',
    'KeypointRLELoss',
    'PAVECriterion',
    'masked_mean',
    'token_type_loss',
]
