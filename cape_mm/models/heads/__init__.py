# Copyright (c) cape_mm contributors. All rights reserved.
from .autoregressive_keypoint_head import AutoregressiveKeypointHead

__all__ = ['AutoregressiveKeypointHead']
