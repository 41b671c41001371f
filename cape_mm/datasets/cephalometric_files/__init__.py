# Copyright (c) cape_mm contributors. All rights reserved.
from .coco_check import SPACING_SOURCES
from .coco_file import CephalometricRecord, load_coco, write_coco

__all__ = [
    'SPACING_SOURCES',
    'CephalometricRecord',
    'load_coco',
    'write_coco',
]
