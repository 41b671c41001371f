# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from .name_map import NameMap

# Meta's names -> cape_mm.DINOv2
BACKBONE = NameMap(
    rules=(
        (r'cls_token', 'class_token'),
        (r'pos_embed', 'position_embedding'),
        (r'patch_embed\.proj\.', 'patch_embedding.'),
        (r'blocks\.(\d+)\.', r'blocks.\1.'),
        (r'norm\.', 'norm.'),
    ),
    unused=((r'mask_token', 'hides patches in the pre-training'),),
)
