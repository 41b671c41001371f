# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from .backbones import RESNET
from .name_map import NameMap

HEAD = NameMap(
    rules=(
        (r'input_proj\.', 'image_projection.'),
        (r'query_proj\.', 'support_projection.'),
        (r'transformer\.encoder\.layers\.', 'encoder.'),
        (r'transformer\.decoder\.layers\.', 'decoder.'),
        (r'transformer\.decoder\.post_norm\.', 'decoder_norm.'),
        (r'relation_model\.conv\.', 'fusion.'),
        (r'deconv_layers\.', 'deconv_layers.'),
        (r'final_layer\.', 'final_layer.'),
    )
)

# supports have a network of their own
CHECKPOINT = (
    HEAD.with_prefix('keypoint_head.', 'head.')
    + RESNET.with_prefix('encoder_sample.', 'support_backbone.')
    + RESNET.with_prefix('encoder_query.', 'backbone.')
)
