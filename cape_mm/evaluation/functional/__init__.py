# Copyright (c) cape_mm contributors. All rights reserved.
from .keypoint_error import keypoint_distances, longer_side, mean_error
from .pck import pair_auc, pair_pck

__all__ = [
    'keypoint_distances',
    'longer_side',
    'mean_error',
    'pair_auc',
    'pair_pck',
]
