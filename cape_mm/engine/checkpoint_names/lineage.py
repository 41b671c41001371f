# Copyright (c) cape_mm contributors. All rights reserved.
"""Names of the head that CapeFormer, GraphCape, EdgeCape and CapeX share."""

from __future__ import annotations

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
