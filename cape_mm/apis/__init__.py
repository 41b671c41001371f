# Copyright (c) cape_mm contributors. All rights reserved.
from .cape_inferencer import CapeInferencer
from .ceph_inferencer import CephInferencer
from .episode_request import EpisodeRequest, RequestMember, read_request
from .model_loading import load_config, load_estimator

__all__ = [
    'CapeInferencer',
    'CephInferencer',
    'EpisodeRequest',
    'RequestMember',
    'load_config',
    'load_estimator',
    'read_request',
]
