# Copyright (c) cape_mm contributors. All rights reserved.
from .bootstrap import bootstrap_interval
from .keypoint_error import keypoint_distances, longer_side, mean_error
from .pck import pair_auc, pair_pck

__all__ = [
    'bootstrap_interval',
    'keypoint_distances',
    'longer_side',
    'mean_error',
    'pair_auc',
    'pair_pck',
]
