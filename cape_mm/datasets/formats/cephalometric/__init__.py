# Copyright (c) cape_mm contributors. All rights reserved.
from .coco_check import SPACING_SOURCES
from .coco_file import load_coco, write_coco
from .conversion import convert_cephalograms
from .dicom import DicomCephalogram, is_dicom, read_dicom
from .reading import CephalometricRecord

__all__ = [
    'SPACING_SOURCES',
    'CephalometricRecord',
    'DicomCephalogram',
    'convert_cephalograms',
    'is_dicom',
    'load_coco',
    'read_dicom',
    'write_coco',
]
