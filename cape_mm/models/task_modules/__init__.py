# Copyright (c) cape_mm contributors. All rights reserved.
from .clip_targets import ClipTargets
from .detection_linker import DetectionLinker
from .match_costs import KeypointL1Cost, OksCost
from .pose_query_tracker import PoseQueryTracker
from .track_aware_hungarian_assigner import TrackAwareHungarianAssigner
from .track_diagnostics import (
    TRACK_DIAGNOSTICS,
    mean_diagnostics,
    window_diagnostics,
)
from .track_query_sampler import TrackQuerySampler

__all__ = [
    'TRACK_DIAGNOSTICS',
    'ClipTargets',
    'DetectionLinker',
    'KeypointL1Cost',
    'OksCost',
    'PoseQueryTracker',
    'TrackAwareHungarianAssigner',
    'TrackQuerySampler',
    'mean_diagnostics',
    'window_diagnostics',
]
