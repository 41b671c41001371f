# Copyright (c) cape_mm contributors. All rights reserved.
"""What autocast may bring to half precision, and what it must not.

``AmpOptimWrapper`` needs a GPU; autocast to bfloat16 works on a CPU, too. It
is coarser than float16, so that what survives it survives both.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample

from cape_mm.models.layers import read_peaks, sample_features
from cape_mm.models.layers.cape import SimilarityProposal
from cape_mm.models.losses import KeypointRLELoss
from cape_mm.registry import MODELS
from cape_mm.structures import EpisodeDataSample

LOSSES = ('KeypointL1Loss', 'KeypointRLELoss')


def half():
    return torch.autocast('cpu', torch.bfloat16)


def test_rle_loss_stays_in_float32():
    torch.manual_seed(0)
    loss = KeypointRLELoss()
    for parameter in loss.parameters():
        parameter.data.add_(0.2 * torch.randn_like(parameter))
    points, target = torch.rand(2, 5, 2), torch.rand(2, 5, 2)
    sigma, valid = torch.randn(2, 5, 2), torch.ones(2, 5, dtype=torch.bool)
    expected = loss(points, target, valid, sigma)
    with half():
        actual = loss(points, target, valid, sigma)
    assert actual.dtype == torch.float32
    assert actual == expected


def test_proposed_points_are_read_out_in_float32():
    torch.manual_seed(0)
    proposal = SimilarityProposal(8)
    tokens, feature_map = torch.randn(1, 5, 8), torch.randn(1, 8, 64, 64)
    with half():
        output = proposal(tokens, feature_map.bfloat16())
    assert output.points.dtype == torch.float32
    maps = output.logits.float().unflatten(2, (64, 64))
    points, _ = read_peaks(maps, proposal.window)
    assert torch.equal(output.points, points)


def test_features_are_sampled_at_unrounded_points():
    torch.manual_seed(0)
    feature_map, points = torch.randn(1, 8, 64, 64), torch.rand(1, 5, 2)
    feature_map = feature_map.bfloat16()
    expected = sample_features(feature_map.float(), points)
    with half():
        assert torch.equal(sample_features(feature_map, points), expected)
    assert torch.equal(sample_features(feature_map, points), expected)


def _member():
    sample = PoseDataSample(
        metainfo=dict(
            input_size=(64, 64),
            input_center=np.array([32.0, 32.0], np.float32),
            input_scale=np.array([64.0, 64.0], np.float32),
        )
    )
    sample.gt_instances = InstanceData(
        bboxes=np.array([[0.0, 0.0, 64.0, 64.0]], np.float32),
        bbox_scores=np.ones(1, np.float32),
    )
    sample.gt_instance_labels = InstanceData(
        keypoint_labels=torch.rand(1, 4, 2), keypoint_weights=torch.ones(1, 4)
    )
    return sample


@pytest.fixture(params=LOSSES)
def estimator(request):
    torch.manual_seed(0)
    return MODELS.build(
        dict(
            type='cape_mm.CapeEstimator',
            backbone=dict(
                type='ResNet',
                depth=18,
                base_channels=8,
                stem_channels=8,
                out_indices=(2, 3),
                norm_cfg=dict(type='GN', num_groups=4),
                norm_eval=False,
            ),
            neck=dict(
                type='FPN', in_channels=[32, 64], out_channels=16, num_outs=2
            ),
            head=dict(
                type='cape_mm.AutoregressiveKeypointHead',
                embed_dims=16,
                num_heads=2,
                num_levels=2,
                loss_coords=dict(type=f'cape_mm.{request.param}'),
                loss_heatmap=dict(type='cape_mm.HeatmapKLLoss'),
            ),
            test_cfg=dict(teacher_forced=True),
        )
    )


@pytest.fixture
def episodes():
    torch.manual_seed(0)
    episodes = []
    for _ in range(2):
        meta = dict(skeleton=[[0, 1], [1, 2]], num_keypoints=4)
        episode = EpisodeDataSample(metainfo=meta)
        episode.supports, episode.queries = [_member()], [_member()]
        episodes.append(episode)
    shape = (2, 1, 3, 64, 64)
    return dict(
        inputs=dict(support=torch.randn(shape), query=torch.randn(shape)),
        data_samples=episodes,
    )


def test_losses_and_gradients_are_finite_and_nearly_the_same(
    estimator, episodes
):
    # noise and own predictions, as scheduled sampling sets them
    estimator.head.teacher_noise = 0.02
    estimator.head.own_prediction_share = 0.5
    totals = []
    for enabled in (False, True):
        torch.manual_seed(1)
        estimator.zero_grad()
        with torch.autocast('cpu', torch.bfloat16, enabled=enabled):
            losses = estimator(**episodes, mode='loss')
        assert {loss.dtype for loss in losses.values()} == {torch.float32}
        total, _ = estimator.parse_losses(losses)
        total.backward()
        assert torch.isfinite(total)
        totals.append(total.item())
    assert totals[1] == pytest.approx(totals[0], rel=0.02)
    trained = [p for p in estimator.parameters() if p.requires_grad]
    gradients = [p.grad for p in trained if p.grad is not None]
    assert len(gradients) == len(trained)
    assert all(torch.isfinite(gradient).all() for gradient in gradients)


def test_prediction_works_in_half_precision(estimator, episodes):
    estimator.eval()
    with torch.no_grad(), half():
        outputs = estimator(**episodes, mode='predict')
    for episode in outputs:
        for field in ('pred_instances', 'teacher_forced_instances'):
            points = getattr(episode.queries[0], field).keypoints
            assert points.dtype == np.float32
            assert np.isfinite(points).all()
