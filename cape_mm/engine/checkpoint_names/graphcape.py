# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from .lineage import HEAD
from .swin_v2 import BACKBONE

CHECKPOINT = HEAD.with_prefix(
    'keypoint_head.', 'head.'
) + BACKBONE.with_prefix('backbone.', 'backbone.')
