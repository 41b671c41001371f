# Copyright (c) cape_mm contributors. All rights reserved.
from .detection_linker import DetectionLinker
from .keypoint_l1_cost import KeypointL1Cost
from .oks_cost import OksCost
from .pose_query_tracker import PoseQueryTracker
from .track_aware_hungarian_assigner import TrackAwareHungarianAssigner
from .track_diagnostics import (
    TRACK_DIAGNOSTICS,
    WindowOutcome,
    track_diagnostics,
)
from .track_query_sampler import TrackQuerySampler

__all__ = [
    'TRACK_DIAGNOSTICS',
    'DetectionLinker',
    'KeypointL1Cost',
    'OksCost',
    'PoseQueryTracker',
    'TrackAwareHungarianAssigner',
    'TrackQuerySampler',
    'WindowOutcome',
    'track_diagnostics',
]
