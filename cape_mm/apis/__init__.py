# Copyright (c) cape_mm contributors. All rights reserved.
from .cape_inferencer import CapeInferencer
from .ceph_inferencer import CephInferencer
from .clip_pose_inferencer import ClipPoseInferencer
from .episode_request import EpisodeRequest, RequestMember, read_request
from .frame_source import open_video
from .model_loading import load_config, load_estimator

__all__ = [
    'CapeInferencer',
    'CephInferencer',
    'ClipPoseInferencer',
    'EpisodeRequest',
    'RequestMember',
    'load_config',
    'load_estimator',
    'open_video',
    'read_request',
]
