# Copyright (c) cape_mm contributors. All rights reserved.
from .accumulation_flush_hook import AccumulationFlushHook
from .cephalometric_split_check_hook import CephalometricSplitCheckHook
from .collapse_monitor_hook import CollapseError, CollapseMonitorHook
from .episode_debug_hook import EpisodeDebugHook
from .episode_summary_hook import EpisodeSummaryHook
from .epoch_seed_hook import EpochSeedHook
from .latest_best_checkpoint_hook import LatestBestCheckpointHook
from .pair_list_hook import PairListHook
from .plain_checkpoint_hook import (
    PlainCheckpointHook,
    RestorePlainCheckpointHook,
)
from .resumable_early_stopping_hook import ResumableEarlyStoppingHook
from .resume_check_hook import ResumeCheckHook
from .scheduled_sampling_hook import ScheduledSamplingHook
from .strict_checkpoint_hook import StrictCheckpointHook
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
    'StrictCheckpointHook',
    'TrackVisualizationHook',
    'TrainGapHook',
    'ValidationTrendHook',
]
