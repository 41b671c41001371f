# Copyright (c) cape_mm contributors. All rights reserved.
from .annotated_video import AnnotatedFrame, AnnotatedPerson, AnnotatedVideo
from .frame_instances import check_regions, pack_instances
from .keypoint_layout import LAYOUTS, keypoint_names, layout_metainfo
from .problems import POSETRACK_PROBLEMS
from .reader import read_videos

__all__ = [
    'LAYOUTS',
    'POSETRACK_PROBLEMS',
    'AnnotatedFrame',
    'AnnotatedPerson',
    'AnnotatedVideo',
    'check_regions',
    'keypoint_names',
    'layout_metainfo',
    'pack_instances',
    'read_videos',
]
