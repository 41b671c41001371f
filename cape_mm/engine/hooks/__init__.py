# Copyright (c) cape_mm contributors. All rights reserved.
from .cephalometric_split_check_hook import CephalometricSplitCheckHook
from .checkpoint_hooks import (
    FittingCheckpointHook,
    LatestBestCheckpointHook,
    PlainCheckpointHook,
    RestorePlainCheckpointHook,
    StrictCheckpointHook,
)
from .collapse_monitor_hook import CollapseError, CollapseMonitorHook
from .episode_debug_hook import EpisodeDebugHook
from .episode_summary_hook import EpisodeSummaryHook
from .epoch_hooks import AccumulationFlushHook, EpochSeedHook
from .pair_list_hook import PairListHook
from .resume_hooks import ResumableEarlyStoppingHook, ResumeCheckHook
from .scheduled_sampling_hook import ScheduledSamplingHook
from .train_gap_hook import TrainGapHook
from .validation_trend_hook import ValidationTrendHook
from .visualization_hooks import (
    EpisodeVisualizationHook,
    TrackVisualizationHook,
)

__all__ = [
    'AccumulationFlushHook',
    'CephalometricSplitCheckHook',
    'CollapseError',
    'CollapseMonitorHook',
    'EpisodeDebugHook',
    'EpisodeSummaryHook',
    'EpisodeVisualizationHook',
    'EpochSeedHook',
    'LatestBestCheckpointHook',
    'PairListHook',
    'PlainCheckpointHook',
    'RestorePlainCheckpointHook',
    'ResumableEarlyStoppingHook',
    'ResumeCheckHook',
    'ScheduledSamplingHook',
    'FittingCheckpointHook',
    'StrictCheckpointHook',
    'TrackVisualizationHook',
    'TrainGapHook',
    'ValidationTrendHook',
]
