# Copyright (c) cape_mm contributors. All rights reserved.
from .cephalometric_measurement_metric import CephalometricMeasurementMetric
from .cephalometric_metric import CephalometricMetric
from .episode_pck import EpisodePCK
from .posetrack_metric import PoseTrackMetric
from .teacher_forcing_gap import TeacherForcingGap

__all__ = [
    'CephalometricMeasurementMetric',
    'CephalometricMetric',
    'EpisodePCK',
    'PoseTrackMetric',
    'TeacherForcingGap',
]
