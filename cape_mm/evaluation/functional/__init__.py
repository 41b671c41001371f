# Copyright (c) cape_mm contributors. All rights reserved.
from .pck import auc, keypoint_distances, masked_mean, pck

__all__ = ['auc', 'keypoint_distances', 'masked_mean', 'pck']
