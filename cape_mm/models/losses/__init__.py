# Copyright (c) cape_mm contributors. All rights reserved.
from .coordinate_loss import KeypointL1Loss, KeypointRLELoss
from .heatmap_kl_loss import HeatmapKLLoss
from .masked_mean import masked_mean
from .token_type_loss import token_type_loss

__all__ = [
    'HeatmapKLLoss',
    'KeypointL1Loss',
    'KeypointRLELoss',
    'masked_mean',
    'token_type_loss',
]
