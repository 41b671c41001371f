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
from .slacked_l1_loss import SlackedL1Loss

__all__ = [
    'FlowRLELoss',
    'HeatmapKLLoss',
    'KeypointL1Loss',
    'KeypointRLELoss',
    'PAVECriterion',
    'SimilarityMSELoss',
    'SlackedL1Loss',
    'masked_mean',
    'token_type_loss',
]
