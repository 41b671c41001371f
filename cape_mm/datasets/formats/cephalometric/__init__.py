# Copyright (c) cape_mm contributors. All rights reserved.
from .aariz import read_aariz
from .cl_detection import read_cl_detection_stack, read_cl_detection_table
from .coco_check import SPACING_SOURCES
from .coco_file import load_coco, write_coco
from .conversion import convert_cephalograms, make_report, unpack_dicom_folder
from .csv_table import read_csv
from .dicom import DicomCephalogram, is_dicom, read_dicom
from .folder import ImageStore, write_cephalogram_folder
from .isbi import read_isbi
from .pandas_json import read_pandas_json, read_rulers
from .reading import CephalometricRecord, ObserverError
from .splits import split_as_baseline, split_cephalograms

__all__ = [
    'SPACING_SOURCES',
    'CephalometricRecord',
    'DicomCephalogram',
    'ImageStore',
    'ObserverError',
    'convert_cephalograms',
    'is_dicom',
    'load_coco',
    'make_report',
    'read_aariz',
    'read_cl_detection_stack',
    'read_cl_detection_table',
    'read_csv',
    'read_dicom',
    'read_isbi',
    'read_pandas_json',
    'read_rulers',
    'split_as_baseline',
    'split_cephalograms',
    'unpack_dicom_folder',
    'write_cephalogram_folder',
    'write_coco',
]
