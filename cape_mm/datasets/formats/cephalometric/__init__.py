# Copyright (c) cape_mm contributors. All rights reserved.
from .aariz_tree import read_aariz
from .cephalogram_folder import (
    make_baseline_splitter,
    make_splitter,
    write_cephalogram_folder,
)
from .cl_detection_stack import read_cl_detection_stack
from .cl_detection_table import read_cl_detection_table
from .coco_check import SPACING_SOURCES
from .coco_file import CephalometricRecord, load_coco, write_coco
from .conversion_report import make_report
from .csv_table import read_csv
from .dicom_cephalogram import DicomCephalogram, is_dicom, read_dicom
from .dicom_folder import unpack_dicom_folder
from .image_store import ImageStore
from .isbi_text import read_isbi
from .observers import ObserverError
from .pandas_json import read_pandas_json
from .ruler_file import read_rulers

__all__ = [
    'SPACING_SOURCES',
    'CephalometricRecord',
    'DicomCephalogram',
    'ObserverError',
    'ImageStore',
    'is_dicom',
    'load_coco',
    'make_baseline_splitter',
    'make_report',
    'make_splitter',
    'read_aariz',
    'read_cl_detection_stack',
    'read_cl_detection_table',
    'read_csv',
    'read_dicom',
    'read_isbi',
    'read_pandas_json',
    'read_rulers',
    'unpack_dicom_folder',
    'write_coco',
    'write_cephalogram_folder',
]
