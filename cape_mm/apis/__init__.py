# Copyright (c) cape_mm contributors. All rights reserved.
from .cape_inferencer import CapeInferencer
from .episode_request import EpisodeRequest, RequestMember, read_request
from .model_loading import load_config, load_estimator

__all__ = [
    'CapeInferencer',
    'EpisodeRequest',
    'RequestMember',
    'load_config',
    'load_estimator',
    'read_request',
]
