# Copyright (c) cape_mm contributors. All rights reserved.
"""PoseTrack's files: :mod:`reader`, :mod:`writer`, :mod:`keypoints`."""

from __future__ import annotations

from .instances import AnnotatedPerson, pack_frame
from .keypoints import (
    LAYOUTS,
    POSETRACK15_KEYPOINTS,
    POSETRACK18_KEYPOINTS,
    keypoint_names,
    layout_metainfo,
)
from .reader import POSETRACK_PROBLEMS, read_coco_images, read_videos
from .writer import PoseTrackWriter, check_exportable

__all__ = [
    'LAYOUTS',
    'POSETRACK15_KEYPOINTS',
    'POSETRACK18_KEYPOINTS',
    'POSETRACK_PROBLEMS',
    'AnnotatedPerson',
    'PoseTrackWriter',
    'check_exportable',
    'keypoint_names',
    'layout_metainfo',
    'pack_frame',
    'read_coco_images',
    'read_videos',
]
