# Copyright (c) cape_mm contributors. All rights reserved.
"""EdgeCape, trained in three stages; see its head for what they are."""

from __future__ import annotations

from . import lineage
from .backbones import DINOV2
from .name_map import NameMap

_SELF_ATTENTION = r'transformer\.decoder\.layers\.(\d+)\.self_attn\.'
_LAYER = r'skeleton_head\.skeleton_predictor\.(\d+)\.'
_IMAGE = r'edge_predictor.layers.\1.'
_KEYPOINTS = _IMAGE + 'keypoints.'
_NEVER_USED = 'the official code never uses it'

# the third stage splits what is one tensor before, and in ours
_THIRD_STAGE = (
    *(
        (
            _SELF_ATTENTION + rf'{name}_proj\.(weight|bias)$',
            rf'decoder.layers.\1.self_attention.in_proj_\2[{i}/3]',
        )
        for i, name in enumerate('qkv')
    ),
    (
        _SELF_ATTENTION + r'markov_structural_mlp\.0\.',
        r'decoder.layers.\1.walk_bias.mlp.0.',
    ),
    (
        _SELF_ATTENTION + r'markov_structural_mlp\.3\.',
        r'decoder.layers.\1.walk_bias.mlp.2.',
    ),
)

HEAD_STAGE_1 = NameMap(
    rules=lineage.HEAD.rules,
    unused=(
        (r'transformer\.mask_token', 'trained from the second stage on'),
        (r'skeleton_head\.', 'trained from the second stage on'),
    ),
)


def make_head(num_predictor_layers: int = 3) -> NameMap:
    """Names of the head of the second and third stage.

    Args:
        num_predictor_layers (int): Number of layers of the edge predictor.
            Defaults to 3.

    Returns:
        NameMap: The names.
    """
    last = rf'skeleton_head\.skeleton_predictor\.{num_predictor_layers - 1}\.'
    predictor = (
        (_LAYER + r'self_attn\.', _KEYPOINTS + 'self_attention.'),
        (_LAYER + r'multihead_attn\.', _KEYPOINTS + 'cross_attention.'),
        (_LAYER + r'choker\.', _KEYPOINTS + 'cross_output.'),
        (_LAYER + r'ffn1\.conv\.', _KEYPOINTS + 'ffn.first.kernels.'),
        (_LAYER + r'ffn2\.', _KEYPOINTS + 'ffn.second.'),
        (_LAYER + r'norm1\.', _KEYPOINTS + 'self_norm.'),
        (_LAYER + r'norm2\.', _KEYPOINTS + 'cross_norm.'),
        (_LAYER + r'norm3\.', _KEYPOINTS + 'ffn_norm.'),
        # not of the last layer: see below
        *(
            (
                rf'(?!{last})' + _LAYER + theirs,
                rf'edge_predictor.layers.\1.{ours}',
            )
            for theirs, ours in (
                (r'cross_attn_image_to_token\.', 'image_attention.'),
                (r'cross_attn_image_to_token_choker\.', 'image_output.'),
                (r'norm4\.', 'image_norm.'),
            )
        ),
        (
            r'skeleton_head\.image_project\.',
            'edge_predictor.image_projection.',
        ),
        (r'skeleton_head\.zero_conv\.', 'edge_predictor.cosine_'),
        (r'transformer\.mask_token', 'masked_refinement.mask_token'),
    )
    return NameMap(
        rules=_THIRD_STAGE + lineage.HEAD.rules + predictor,
        unused=(
            (last + r'(?:cross_attn_image_to_token|norm4)', _NEVER_USED),
            (r'skeleton_head\.(?:[kq]_proj|mh_linear)\.', _NEVER_USED),
        ),
    )


HEAD = make_head()


def _checkpoint(head: NameMap) -> NameMap:
    """All names of a file; the frozen backbone is in it twice."""
    return (
        head.with_prefix('keypoint_head_module.', 'head.')
        + DINOV2.with_prefix('encoder_sample.', 'backbone.')
        + DINOV2.with_prefix('encoder_query.', 'backbone.')
    )


CHECKPOINT_STAGE_1 = _checkpoint(HEAD_STAGE_1)
CHECKPOINT = _checkpoint(HEAD)
