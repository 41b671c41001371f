# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from .backbones import RESNET
from .name_map import NameMap


def _layers(theirs: str, ours: str, *parts: tuple[str, str]) -> tuple:
    """Rules of layers of attention and feed-forward network, pre-norm."""
    attention = rf'{theirs}\.layers\.(\d+)\.0\.fn\.'
    ffn = rf'{theirs}\.layers\.(\d+)\.1\.fn\.'
    target = rf'{ours}.\1.'
    return (
        (attention + r'norm\.', target + 'norm.'),
        (attention + r'fn\.to_v\.', target + 'value.'),
        (attention + r'fn\.to_out\.0\.', target + 'output.'),
        *((attention + rf'fn\.{one}\.', target + two) for one, two in parts),
        (ffn + r'norm\.', target + 'ffn_norm.'),
        (ffn + r'fn\.net\.', target + 'ffn.'),
    )


HEAD = NameMap(
    rules=(
        (r'input_proj\.', 'image_projection.'),
        *_layers(
            'GKP',
            'perceptor.layers',
            ('to_q', 'query.'),
            ('to_k', 'key.'),
        ),
        *_layers(
            'transformer',
            'layers',
            ('to_qk_s', 'token_query_key.'),
            ('to_qk_q', 'cell_query_key.'),
            (r'moes\.(\d+)', r'refiner.experts.\2.'),
            (r'gates\.1', 'refiner.gate.0.'),
            (r'gates\.3', 'refiner.gate.1.'),
        ),
        (r'mlp_head\.layers\.0\.', 'point_mlp.0.'),
        (r'mlp_head\.layers\.1\.', 'point_mlp.2.'),
    ),
    unused=(
        (
            r'transformer\.layers\.\d+\.0\.fn\.fn\.expert\.',
            'template of which the experts are copies',
        ),
        (r'position\.', 'never used'),
        (r'pos_embedding', 'sine codes, computed'),
    ),
)

CHECKPOINT = (
    HEAD.with_prefix('keypoint_head.', 'head.')
    + RESNET.with_prefix('encoder_sample.', 'backbone.')
    + RESNET.with_prefix('encoder_query.', 'backbone.')
)
