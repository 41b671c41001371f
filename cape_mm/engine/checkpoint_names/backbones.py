# Copyright (c) cape_mm contributors. All rights reserved.
"""Names of backbones."""

from __future__ import annotations

from .name_map import NameMap

# MMPose's ResNet keeps torchvision's names
RESNET = NameMap(rules=((r'', ''),))

# Meta's names -> cape_mm.DINOv2
DINOV2 = NameMap(
    rules=(
        (r'cls_token', 'class_token'),
        (r'pos_embed', 'position_embedding'),
        (r'patch_embed\.proj\.', 'patch_embedding.'),
        (r'blocks\.(\d+)\.', r'blocks.\1.'),
        (r'norm\.', 'norm.'),
    ),
    unused=((r'mask_token', 'hides patches in the pre-training'),),
)

_BLOCK = r'layers\.(\d+)\.blocks\.(\d+)\.'


def _block(theirs: str, ours: str) -> tuple[str, str]:
    """Rule of a part of a block."""
    return _BLOCK + theirs, rf'stages.\1.blocks.\2.{ours}'


# Microsoft's names -> cape_mm.SwinV2, whose blocks are torchvision's
SWIN_V2 = NameMap(
    rules=(
        (r'patch_embed\.proj\.', 'patch_embedding.0.'),
        (r'patch_embed\.norm\.', 'patch_embedding.2.'),
        # keys have no bias
        _block(r'attn\.q_bias', 'attn.qkv.bias[0/3~]'),
        _block(r'attn\.v_bias', 'attn.qkv.bias[2/3~]'),
        _block(r'mlp\.fc1\.', 'mlp.0.'),
        _block(r'mlp\.fc2\.', 'mlp.3.'),
        _block(r'attn\.rpe_mlp\.', 'attn.cpb_mlp.'),
        _block(r'(?=norm1|norm2|attn\.(?:proj|qkv|cpb_mlp|logit_scale))', ''),
        (r'layers\.(\d+)\.downsample\.', r'stages.\1.merging.'),
        (r'norm\.', 'norm.'),
    ),
    unused=(
        (
            _BLOCK + r'(?:attn\.relative_|attn_mask)',
            'follows from the window size',
        ),
        (r'head\.', 'classes of ImageNet'),
    ),
)

# a file of the pre-training by SimMIM, or one of the classification
SWIN_V2_PRETRAINED = (
    SWIN_V2.with_prefix('encoder.', '')
    + NameMap(
        rules=(),
        unused=(
            (r'encoder\.mask_token', 'hides patches in the pre-training'),
            (r'decoder\.', 'reconstructs patches in the pre-training'),
        ),
    )
    + SWIN_V2
)
