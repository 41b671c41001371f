# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from .backbones import RESNET
from .name_map import NameMap


def _decoder(theirs: str, ours: str) -> tuple[tuple[str, str], ...]:
    """Rules of one of the two decoders, which are alike."""
    layer = rf'{theirs}\.enc_layers\.(\d+)\.'
    target = rf'{ours}.layers.\1.'
    return (
        (layer + r'self_attn\.', target + 'cross_attention.'),
        (layer + r'norm1\.', target + 'cross_norm.'),
        (layer + r'linear1\.', target + 'ffn.0.'),
        (layer + r'linear2\.', target + 'ffn.3.'),
        (layer + r'norm2\.', target + 'ffn_norm.'),
        (rf'{theirs}\.self_att_layers\.(\d+)\.', target + 'self_attention.'),
        (rf'{theirs}\.self_att_norms\.(\d+)\.', target + 'self_norm.'),
        (
            rf'{theirs}\.point_heads\.(\d+)\.mlp\.',
            rf'{ours}.point_mlps.\1.',
        ),
    )


HEAD = NameMap(
    rules=(
        (r'meta_point_embed\.', 'meta_embedding.'),
        # the official levels begin with the coarsest one
        (r'input_proj\.0\.', 'level_projections.2.'),
        (r'input_proj\.1\.', 'level_projections.1.'),
        (r'input_proj\.2\.', 'level_projections.0.'),
        (r'skfeat_layer_proj\.', 'support_projection.'),
        (r'enhance_sk_w_meta_proj\.', 'fusion.'),
        (r'qfeatmap_enhancer\.input_proj\.', 'encoder_projection.'),
        (r'qfeatmap_enhancer\.encoder\.', 'encoder.'),
        (r'visible_head\.', 'visibility.'),
        *_decoder('meta_decoder', 'meta_decoder'),
        *_decoder('ref_decoder', 'refinement_decoder'),
    )
)

# the names of the head have no prefix
CHECKPOINT = RESNET.with_prefix('backbone.', 'backbone.') + HEAD.with_prefix(
    '', 'head.'
)
