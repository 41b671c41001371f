# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import numpy as np
import pytest
import torch
from mmengine.registry import MODELS, DefaultScope
from mmpose.codecs import UDPHeatmap
from support.heatmap_samples import heatmap_samples

from cape_mm.models.heads import ProbabilityHeatmapHead

CODEC = dict(
    type='UDPHeatmap',
    input_size=(48, 64),
    heatmap_size=(24, 32),
    sigma=1.0,
    blur_kernel_size=5,
)
POINTS = np.array([[[20.3, 31.6], [9.0, 50.0]], [[30.0, 12.2], [24.5, 40.0]]])


@pytest.fixture
def codec():
    arguments = {key: CODEC[key] for key in CODEC if key != 'type'}
    return UDPHeatmap(**arguments)


@pytest.fixture
def head():
    with DefaultScope.overwrite_default_scope('mmpose'):
        return MODELS.build(
            dict(
                type='cape_mm.ProbabilityHeatmapHead',
                in_channels=2,
                out_channels=2,
                deconv_out_channels=None,
                decoder=CODEC,
            )
        )


@pytest.fixture
def samples(codec):
    return heatmap_samples(codec, POINTS.astype(np.float32))


def logits_of(samples):
    """Features that a head which passes them on maps to the targets."""
    targets = torch.stack([sample.gt_fields.heatmaps for sample in samples])
    return targets.clamp_min(1e-9).log()


def pass_on(head):
    """Let the logits be the features."""
    with torch.no_grad():
        head.final_layer.weight.copy_(torch.eye(2)[..., None, None])
        head.final_layer.bias.zero_()
    return head


def test_maps_sum_up_to_the_mass_of_the_target(head):
    maps = head((torch.randn(3, 2, 32, 24),))
    assert maps.shape == (3, 2, 32, 24) and (maps >= 0).all()
    torch.testing.assert_close(
        maps.sum((-2, -1)), torch.full((3, 2), 2 * torch.pi)
    )


def test_a_perfect_map_has_no_loss_and_the_height_of_the_target(head, samples):
    features = (logits_of(samples),)
    losses = pass_on(head).loss(features, samples)
    assert losses['loss_kpt'].abs() < 1e-3
    assert losses['acc_pose'] == 1
    assert head(features).amax().item() == pytest.approx(1, abs=0.05)


def test_keypoints_are_read_between_cells(head, samples, codec):
    predictions = pass_on(head).predict((logits_of(samples),), samples)
    found = np.concatenate([p.keypoints for p in predictions])
    # UDP decodes to pixels times size / (size - 1)
    expected = POINTS * np.divide(codec.input_size, [47, 63])
    assert np.abs(found - expected).max() < 0.15
    scores = np.concatenate([p.keypoint_scores for p in predictions])
    assert (scores > 0.8).all()


def test_an_unlabelled_keypoint_has_no_part_in_the_loss(head, codec):
    labelled = np.float32([[1, 0], [1, 1]])
    points = POINTS.astype(np.float32)
    losses = []
    for place in (3.0, 30.0):
        points[0, 1] = place
        samples = heatmap_samples(codec, points, labelled)
        torch.manual_seed(0)
        features = (torch.randn(2, 2, 32, 24),)
        losses.append(pass_on(head).loss(features, samples)['loss_kpt'])
    assert torch.equal(*losses)


def test_nothing_labelled_is_a_loss_of_zero(head, codec):
    samples = heatmap_samples(
        codec, POINTS.astype(np.float32), np.zeros((2, 2), np.float32)
    )
    loss = head.loss((torch.randn(2, 2, 32, 24),), samples)['loss_kpt']
    assert loss == 0


def test_a_codec_with_a_sigma_is_needed():
    with pytest.raises(ValueError, match='needs a decoder with one sigma'):
        ProbabilityHeatmapHead(2, 2, deconv_out_channels=None)
