# Copyright (c) cape_mm contributors. All rights reserved.
from .posetrack_metric import PoseTrackMetric

__all__ = ['PoseTrackMetric']
