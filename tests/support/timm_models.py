# Copyright (c) cape_mm contributors. All rights reserved.
"""Backbones of timm, small ones of its own tests among them."""

from __future__ import annotations

import torch

from cape_mm.registry import MODELS

# Small models that timm has for tests: 0.2 to 0.5 M parameters.
RESNET, VIT = 'test_resnet', 'test_vit'
SMALL_SWIN = dict(
    model_name='swinv2_tiny_window8_256',
    embed_dim=24,
    depths=(1, 1, 1, 1),
    num_heads=(1, 1, 2, 2),
)


def build(model_name, **kwargs):
    return MODELS.build(
        dict(type='cape_mm.TimmBackbone', model_name=model_name, **kwargs)
    )


def shapes(backbone, height, width=None):
    images = torch.zeros(2, 3, height, width or height)
    with torch.no_grad():
        return [tuple(level.shape) for level in backbone(images)]
