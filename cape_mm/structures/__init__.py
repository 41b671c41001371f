# Copyright (c) cape_mm contributors. All rights reserved.
from .clip_data_sample import ClipDataSample
from .episode_batch import EpisodeBatch
from .episode_data_sample import EpisodeDataSample
from .landmark_schema import (
    Landmark,
    LandmarkSchema,
    available_schemas,
    get_schema,
)
from .track_query_state import PoseTrackerState, TrackQueryState

__all__ = [
    'ClipDataSample',
    'EpisodeBatch',
    'EpisodeDataSample',
    'Landmark',
    'LandmarkSchema',
    'PoseTrackerState',
    'TrackQueryState',
    'available_schemas',
    'get_schema',
]
