# Copyright (c) cape_mm contributors. All rights reserved.
from .dinov2 import DINOv2
from .swin_v2 import SwinV2
from .timm_backbone import TimmBackbone

__all__ = ['DINOv2', 'SwinV2', 'TimmBackbone']
