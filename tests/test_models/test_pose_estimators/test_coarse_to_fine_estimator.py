# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import torch
from mmengine.registry import MODELS, DefaultScope


def test_the_head_gets_features_of_half_the_size_and_the_input():
    with DefaultScope.overwrite_default_scope('mmpose'):
        model = MODELS.build(
            dict(
                type='cape_mm.CoarseToFineEstimator',
                backbone=dict(type='ResNet', depth=18),
                head=dict(type='HeatmapHead', in_channels=512, out_channels=3),
            )
        )
    inputs = torch.rand(1, 3, 64, 128)
    features, passed_on = model.eval().extract_feat(inputs)
    assert passed_on is inputs
    assert features.shape == (1, 512, 1, 2), 'stride 32 of half the size'
