# Copyright (c) cape_mm contributors. All rights reserved.
"""Names of the head that CapeFormer, GraphCape, EdgeCape and CapeX share.

And all names of the files of those without a part of their own; EdgeCape has
one.
"""

from __future__ import annotations

from .backbones import RESNET, SWIN_V2
from .name_map import NameMap

_LAYER = r'transformer\.decoder\.layers\.(\d+)\.'
_PROPOSAL = r'transformer\.proposal_generator\.'


def _layer(theirs: str, ours: str) -> tuple[str, str]:
    """Rule of a part of a decoder layer."""
    return _LAYER + theirs, rf'decoder.layers.\1.{ours}'


HEAD = NameMap(
    rules=(
        (r'input_proj\.', 'image_projection.'),
        # CapeX projects descriptions
        (r'(?:query|text)_proj\.', 'support_projection.'),
        # layers of the encoder are torch's, with the same names
        (r'transformer\.encoder\.', 'encoder.'),
        (_PROPOSAL + r'support_proj\.', 'matching.token_projection.'),
        (_PROPOSAL + r'query_proj\.', 'matching.cell_projection.'),
        (_PROPOSAL + r'dynamic_proj\.', 'matching.gate.'),
        (
            r'transformer\.decoder\.ref_point_head\.layers\.0\.',
            'decoder.position_mlp.0.',
        ),
        (
            r'transformer\.decoder\.ref_point_head\.layers\.1\.',
            'decoder.position_mlp.2.',
        ),
        (r'transformer\.decoder\.norm\.', 'decoder.norm.'),
        _layer(r'self_attn\.', 'self_attention.'),
        _layer(r'multihead_attn\.', 'cross_attention.'),
        _layer(r'choker\.', 'cross_output.'),
        # graph convolutions; their third axis has length 1
        _layer(r'ffn1\.conv\.', 'ffn.first.kernels.'),
        _layer(r'ffn2\.conv\.', 'ffn.second.kernels.'),
        _layer(r'(?:ffn|linear)1\.', 'ffn.first.'),
        _layer(r'(?:ffn|linear)2\.', 'ffn.second.'),
        _layer(r'norm1\.', 'self_norm.'),
        _layer(r'norm2\.', 'cross_norm.'),
        _layer(r'norm3\.', 'ffn_norm.'),
        (r'kpt_branch\.(\d+)\.mlp\.', r'decoder.point_mlps.\1.'),
    )
)

_TEXT = NameMap(
    rules=(),
    unused=(
        (
            r'text_backbone\.',
            'descriptions are a table of vectors, see '
            'tools/dataset_converters/describe_keypoints.py',
        ),
    ),
)
_ON_SWIN_V2 = HEAD.with_prefix('keypoint_head.', 'head.') + (
    SWIN_V2.with_prefix('backbone.', 'backbone.')
)

# the official code saves the backbone twice
CAPEFORMER = (
    HEAD.with_prefix('keypoint_head.', 'head.')
    + RESNET.with_prefix('encoder_sample.', 'backbone.')
    + RESNET.with_prefix('encoder_query.', 'backbone.')
)
GRAPHCAPE = _ON_SWIN_V2
CAPEX = _ON_SWIN_V2 + _TEXT
