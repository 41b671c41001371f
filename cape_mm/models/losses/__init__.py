# Copyright (c) cape_mm contributors. All rights reserved.
from .keypoint_losses import (
    HeatmapKLLoss,
    KeypointL1Loss,
    masked_mean,
    token_type_loss,
)
from .pave_criterion import PAVECriterion
from .rle_loss import FlowRLELoss, KeypointRLELoss

__all__ = [
    'FlowRLELoss',
    'HeatmapKLLoss',
    'KeypointL1Loss',
    'KeypointRLELoss',
    'PAVECriterion',
    'masked_mean',
    'token_type_loss',
]
