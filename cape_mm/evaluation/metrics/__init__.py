# Copyright (c) cape_mm contributors. All rights reserved.
from .cephalometric import CephalometricMeasurementMetric, CephalometricMetric
from .episode_pck import EpisodePCK
from .posetrack import PoseTrackMetric
from .teacher_forcing_gap import TeacherForcingGap

__all__ = [
    'CephalometricMeasurementMetric',
    'CephalometricMetric',
    'EpisodePCK',
    'PoseTrackMetric',
    'TeacherForcingGap',
]
