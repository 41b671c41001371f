# Copyright (c) cape_mm contributors. All rights reserved.
from .clip_data_sample import ClipDataSample
from .description_table import DescriptionTable, cached_description_table
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
    'DescriptionTable',
    'EpisodeBatch',
    'EpisodeDataSample',
    'Landmark',
    'LandmarkSchema',
    'PoseTrackerState',
    'TrackQueryState',
    'available_schemas',
    'cached_description_table',
    'get_schema',
]
