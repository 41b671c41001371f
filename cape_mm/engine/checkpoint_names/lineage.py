# Copyright (c) cape_mm contributors. All rights reserved.
"""Names of the head that CapeFormer, GraphCape, EdgeCape and CapeX share."""

from __future__ import annotations

from .rules import Rule

_ENCODER = r'transformer\.encoder\.layers\.(\d+)\.'
_DECODER = r'transformer\.decoder\.layers\.(\d+)\.'

HEAD = (
    Rule(r'input_proj\.(\w+)', r'image_projection.\1'),
    Rule(r'(?:query|text)_proj\.(\w+)', r'support_projection.\1'),
    # our encoder's layers are torch's, with the same names
    Rule(_ENCODER + r'(.+)', r'encoder.layers.\1.\2'),
    Rule(
        r'transformer\.proposal_generator\.support_proj\.(\w+)',
        r'matching.token_projection.\1',
    ),
    Rule(
        r'transformer\.proposal_generator\.query_proj\.(\w+)',
        r'matching.cell_projection.\1',
    ),
    Rule(
        r'transformer\.proposal_generator\.dynamic_proj\.(\d\.\w+)',
        r'matching.gate.\1',
    ),
    Rule(
        r'transformer\.decoder\.ref_point_head\.layers\.0\.(\w+)',
        r'decoder.position_mlp.0.\1',
    ),
    Rule(
        r'transformer\.decoder\.ref_point_head\.layers\.1\.(\w+)',
        r'decoder.position_mlp.2.\1',
    ),
    # queries, keys and values are one tensor in ours; EdgeCape splits them
    # in its third stage
    *(
        Rule(
            _DECODER + rf'self_attn\.{name}_proj\.(weight|bias)',
            r'decoder.layers.\1.self_attention.in_proj_\2',
            part=(i, 3),
        )
        for i, name in enumerate('qkv')
    ),
    Rule(
        _DECODER + r'self_attn\.markov_structural_mlp\.0\.(\w+)',
        r'decoder.layers.\1.walk_bias.mlp.0.\2',
    ),
    Rule(
        _DECODER + r'self_attn\.markov_structural_mlp\.3\.(\w+)',
        r'decoder.layers.\1.walk_bias.mlp.2.\2',
    ),
    Rule(
        _DECODER + r'self_attn\.(.+)', r'decoder.layers.\1.self_attention.\2'
    ),
    Rule(
        _DECODER + r'multihead_attn\.(.+)',
        r'decoder.layers.\1.cross_attention.\2',
    ),
    Rule(_DECODER + r'choker\.(\w+)', r'decoder.layers.\1.cross_output.\2'),
    Rule(
        _DECODER + r'(?:ffn|linear)1\.(\w+)',
        r'decoder.layers.\1.ffn.first.\2',
    ),
    Rule(
        _DECODER + r'(?:ffn|linear)2\.(\w+)',
        r'decoder.layers.\1.ffn.second.\2',
    ),
    # convolutions of length 1 are linear maps in ours
    *(
        Rule(
            _DECODER + rf'ffn{i}\.conv\.{kind}',
            rf'decoder.layers.\1.ffn.{half}.kernels.{kind}',
            drop_last_axis=kind == 'weight',
        )
        for i, half in ((1, 'first'), (2, 'second'))
        for kind in ('weight', 'bias')
    ),
    Rule(_DECODER + r'norm1\.(\w+)', r'decoder.layers.\1.self_norm.\2'),
    Rule(_DECODER + r'norm2\.(\w+)', r'decoder.layers.\1.cross_norm.\2'),
    Rule(_DECODER + r'norm3\.(\w+)', r'decoder.layers.\1.ffn_norm.\2'),
    Rule(r'transformer\.decoder\.norm\.(\w+)', r'decoder.norm.\1'),
    Rule(r'kpt_branch\.(\d+)\.mlp\.(.+)', r'decoder.point_mlps.\1.\2'),
)
