# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from .lineage import HEAD
from .name_map import NameMap

# MMPose's ResNet keeps the names; the official code saves it twice.
RESNET = NameMap(rules=((r'', ''),))

CHECKPOINT = (
    HEAD.with_prefix('keypoint_head.', 'head.')
    + RESNET.with_prefix('encoder_sample.', 'backbone.')
    + RESNET.with_prefix('encoder_query.', 'backbone.')
)
