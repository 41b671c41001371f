# Copyright (c) cape_mm contributors. All rights reserved.
"""The data pipeline against numbers from the official code."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from mmpose.datasets.transforms import GetBBoxCenterScale, TopdownAffine

from cape_mm.codecs import ReachingLabel
from cape_mm.models.layers.cape import heatmap_profiles

SIZE, CELLS = (64, 64), (16, 16)


@pytest.fixture
def official(peer_parity):
    path = peer_parity / 'pipeline_small.npz'
    return dict(np.load(path, allow_pickle=False))


@pytest.fixture
def crops(official):
    """Results of the transforms of our configs on the same boxes."""
    found = []
    for i, (x, y, w, h) in enumerate(official['clean']):
        results = dict(
            img=official['picture'],
            bbox=np.array([[x, y, x + w, y + h]], np.float32),
            bbox_rotation=official['rotation'][i : i + 1],
        )
        results = GetBBoxCenterScale(padding=1.25)(results)
        results['bbox_scale'] *= official['scale_factor'][i]
        found.append(TopdownAffine(input_size=SIZE)(results))
    return found


def test_parity_of_crops(official, crops):
    for i, results in enumerate(crops):
        np.testing.assert_array_equal(results['img'], official['crop'][i])


def test_parity_of_the_way_back_to_the_image(official, crops):
    for i, results in enumerate(crops):
        if official['rotation'][i]:
            continue
        pixels = official['prediction'] * results['input_scale']
        back = pixels + results['input_center'] - results['input_scale'] / 2
        np.testing.assert_allclose(back, official['back'][i], atol=1e-4)


@pytest.mark.parametrize('sigma', [1, 2])
def test_parity_of_labels_and_heatmaps(official, sigma):
    joints = official['joints'].astype(np.float64)
    visible = np.ones(joints.shape[:2], np.float32)
    visible[:, 1] = 0
    codec = ReachingLabel(SIZE, float(sigma), CELLS)
    expected = official[f'weight{sigma}'][..., 0]
    weights = codec.encode(joints, visible)['keypoint_weights']
    np.testing.assert_array_equal(weights, expected)
    points = torch.from_numpy(joints / SIZE).float()
    rows, columns = heatmap_profiles(points, CELLS, float(sigma))
    maps = rows.unsqueeze(-1) * columns.unsqueeze(-2)
    kept = expected > 0
    np.testing.assert_allclose(
        maps.numpy()[kept], official[f'heat{sigma}'][kept], atol=1e-6
    )
