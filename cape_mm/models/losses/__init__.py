# Copyright (c) cape_mm contributors. All rights reserved.
from .flow_rle_loss import FlowRLELoss
from .keypoint_losses import (
    HeatmapKLLoss,
    KeypointL1Loss,
    KeypointRLELoss,
    masked_mean,
    token_type_loss,
)
from .pave_criterion import PAVECriterion

__all__ = [
    'FlowRLELoss',
    'HeatmapKLLoss',
    'KeypointL1Loss',
    'KeypointRLELoss',
    'PAVECriterion',
    'masked_mean',
    'token_type_loss',
]
