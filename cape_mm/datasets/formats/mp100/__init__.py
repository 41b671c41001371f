# Copyright (c) cape_mm contributors. All rights reserved.
from cape_mm.datasets.formats.image_check import check_images

from .annotation_file_check import check_annotation_file
from .proven_match import Match, Unproven
from .report_text import format_report
from .source_images import find_matches
from .split_check import check_splits

__all__ = [
    'Match',
    'Unproven',
    'check_annotation_file',
    'check_images',
    'check_splits',
    'find_matches',
    'format_report',
]
