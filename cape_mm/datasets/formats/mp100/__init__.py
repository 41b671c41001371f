# Copyright (c) cape_mm contributors. All rights reserved.
from .annotation_file import (
    Category,
    load_annotation_file,
    parse_categories,
    parse_instances,
)
from .copy_check import check_copy
from .copy_report import format_report
from .pair_list import (
    PairEpisode,
    PairList,
    draw_pair_list,
    make_pair_list,
    protocol_instances,
)
from .source_images import copy_proven
from .supercategory_split import NOTE, write_supercategory_splits

__all__ = [
    'NOTE',
    'Category',
    'PairEpisode',
    'PairList',
    'check_copy',
    'copy_proven',
    'draw_pair_list',
    'format_report',
    'load_annotation_file',
    'make_pair_list',
    'parse_categories',
    'parse_instances',
    'protocol_instances',
    'write_supercategory_splits',
]
