# Copyright (c) cape_mm contributors. All rights reserved.
from .keypoint_losses import (
    HeatmapKLLoss,
    KeypointL1Loss,
    masked_mean,
    token_type_loss,
)
from .pave_criterion import PAVECriterion
from .rle_loss import FlowRLELoss, KeypointRLELoss
from .similarity_mse_loss import SimilarityMSELoss

__all__ = [
    'FlowRLELoss',
    'HeatmapKLLoss',
    'KeypointL1Loss',
    'KeypointRLELoss',
    'PAVECriterion',
    'SimilarityMSELoss',
    'masked_mean',
    'token_type_loss',
]
