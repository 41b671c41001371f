# Copyright (c) cape_mm contributors. All rights reserved.
from .unet_neck import UNetNeck

__all__ = ['UNetNeck']
