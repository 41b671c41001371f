# Copyright (c) cape_mm contributors. All rights reserved.
"""Products of profiles against whole heatmaps."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmpose.codecs import MSRAHeatmap

from cape_mm.models.layers.cape import (
    heatmap_profiles,
    pool_features,
    resized_heatmaps,
)

SIZE = (48, 64)  # width, height


@pytest.fixture(params=[1.0, 2.0])
def heatmaps(request):
    """Heatmaps (1, K, H, W) by MMPose, and profiles, some cut or empty."""
    generator = torch.Generator().manual_seed(0)
    points = 1.3 * torch.rand(1, 40, 2, generator=generator) - 0.15
    pixels = (points * torch.tensor([192, 256])).double().numpy()
    codec = MSRAHeatmap((192, 256), SIZE, sigma=request.param)
    maps = codec.encode(pixels, np.ones((1, 40), np.float32))['heatmaps']
    profiles = heatmap_profiles(points, SIZE, request.param)
    return torch.from_numpy(maps)[None], profiles


def test_profiles_multiply_to_the_heatmaps_of_mmpose(heatmaps):
    maps, profiles = heatmaps
    product = profiles.rows.unsqueeze(-1) * profiles.columns.unsqueeze(-2)
    assert torch.allclose(product, maps, atol=1e-6)
    assert not maps.flatten(2).any(-1).all()


def test_pooling_equals_that_of_the_resized_feature_map(heatmaps):
    maps, profiles = heatmaps
    features = torch.randn(1, 5, 8, 6)
    large = F.interpolate(features, size=SIZE[::-1], mode='bilinear')
    weights = maps / (maps.sum((-2, -1), keepdim=True) + 1e-8)
    expected = torch.einsum('nchw,nkhw->nkc', large, weights)
    pooled = pool_features(features, profiles)
    assert torch.allclose(pooled, expected, atol=1e-5)


def test_targets_are_heatmaps_resized_and_scaled_to_one(heatmaps):
    maps, profiles = heatmaps
    expected = F.interpolate(maps, size=(8, 6), mode='bilinear').flatten(2)
    expected = expected / (expected.amax(-1, keepdim=True) + 1e-10)
    assert torch.allclose(
        resized_heatmaps(profiles, (8, 6)), expected, atol=1e-5
    )
