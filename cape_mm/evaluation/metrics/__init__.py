# Copyright (c) cape_mm contributors. All rights reserved.
from .episode_pck import EpisodePCK
from .posetrack_metric import PoseTrackMetric
from .teacher_forcing_gap import TeacherForcingGap

__all__ = ['EpisodePCK', 'PoseTrackMetric', 'TeacherForcingGap']
