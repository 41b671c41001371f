# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from .lineage import HEAD
from .name_map import NameMap
from .swin_v2 import BACKBONE

TEXT = NameMap(
    rules=(),
    unused=(
        (
            r'text_backbone\.',
            'descriptions are a table of vectors, see '
            'tools/dataset_converters/describe_keypoints.py',
        ),
    ),
)

CHECKPOINT = (
    HEAD.with_prefix('keypoint_head.', 'head.')
    + BACKBONE.with_prefix('backbone.', 'backbone.')
    + TEXT
)
