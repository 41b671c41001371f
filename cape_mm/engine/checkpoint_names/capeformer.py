# Copyright (c) cape_mm contributors. All rights reserved.
"""CapeFormer: ResNet-50, saved under two names, and the lineage's head."""

from __future__ import annotations

from .lineage import HEAD
from .rules import Rule, Source

# MMPose's ResNet has the names of mmcv 0.x
RESNET = (Rule(r'(.+)', r'\1'),)

SOURCES = (
    Source('keypoint_head.', 'head.', HEAD),
    Source('encoder_sample.', 'backbone.', RESNET),
    Source('encoder_query.', copy_of='encoder_sample.'),
)
