# Copyright (c) cape_mm contributors. All rights reserved.
from .detection_linker import DetectionLinker
from .match_costs import KeypointL1Cost, OksCost
from .meta_point_assigner import MetaPointAssigner
from .pose_query_tracker import PoseQueryTracker
from .track_aware_hungarian_assigner import TrackAwareHungarianAssigner
from .track_diagnostics import TRACK_DIAGNOSTICS
from .track_query_sampler import TrackQuerySampler

__all__ = [
    'TRACK_DIAGNOSTICS',
    'DetectionLinker',
    'KeypointL1Cost',
    'MetaPointAssigner',
    'OksCost',
    'PoseQueryTracker',
    'TrackAwareHungarianAssigner',
    'TrackQuerySampler',
]
