# Copyright (c) cape_mm contributors. All rights reserved.
from .episode_summary_hook import EpisodeSummaryHook
from .episode_visualization_hook import EpisodeVisualizationHook
from .epoch_seed_hook import EpochSeedHook
from .plain_checkpoint_hook import (
    PlainCheckpointHook,
    RestorePlainCheckpointHook,
)
from .scheduled_sampling_hook import ScheduledSamplingHook

__all__ = [
    'EpisodeSummaryHook',
    'EpisodeVisualizationHook',
    'EpochSeedHook',
    'PlainCheckpointHook',
    'RestorePlainCheckpointHook',
    'ScheduledSamplingHook',
]
