# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import pytest
import torch
from mmengine.registry import DefaultScope

from cape_mm.registry import MODELS

BACKBONE = dict(
    type='ResNet', depth=18, base_channels=8, stem_channels=8, num_stages=2
)
BACKBONE.update(strides=(1, 2), dilations=(1, 1), out_indices=(1,))


@pytest.fixture
def build():
    def build(**train_cfg):
        with DefaultScope.overwrite_default_scope('mmpose'):
            return MODELS.build(
                dict(
                    type='cape_mm.PomnetEstimator',
                    backbone=BACKBONE,
                    support_backbone=BACKBONE,
                    head=dict(
                        type='cape_mm.PomnetHead',
                        in_channels=16,
                        embed_dims=16,
                        num_heads=2,
                        feedforward_channels=16,
                        deconv_channels=8,
                        input_size=(64, 64),
                    ),
                    train_cfg=train_cfg,
                )
            ).eval()

    return build


def test_supports_and_queries_have_a_backbone_each(build):
    torch.manual_seed(0)
    model = build()
    images = torch.randn(2, 1, 3, 64, 64)
    support, query = model.extract_feat(dict(support=images, query=images))
    assert support[0].shape == query[0].shape == (2, 16, 8, 8)
    assert not torch.allclose(support[0], query[0])
    assert support[0].equal(model.encode_supports(images)[0])
    assert query[0].equal(model.encode_queries(images)[0])


def test_roles_cannot_rotate(build):
    with pytest.raises(ValueError, match='rotate_roles'):
        build(rotate_roles=True)
