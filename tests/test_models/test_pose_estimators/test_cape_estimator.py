# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample

from cape_mm.registry import MODELS
from cape_mm.structures import EpisodeDataSample

EMBED_DIMS = 16


@pytest.fixture
def make_estimator():
    def make(**test_cfg):
        torch.manual_seed(0)
        return MODELS.build(
            dict(
                type='CapeEstimator',
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
                    type='FPN',
                    in_channels=[32, 64],
                    out_channels=EMBED_DIMS,
                    num_outs=2,
                ),
                head=dict(
                    type='cape_mm.AutoregressiveKeypointHead',
                    embed_dims=EMBED_DIMS,
                    num_heads=2,
                    num_levels=2,
                    loss_coords=dict(type='cape_mm.KeypointL1Loss'),
                    loss_heatmap=dict(type='cape_mm.HeatmapKLLoss'),
                ),
                test_cfg=test_cfg,
            )
        ).eval()

    return make


def make_member(num_keypoints, annotated=True):
    sample = PoseDataSample(
        metainfo=dict(
            input_size=(64, 48),
            input_center=np.array([50.0, 40.0], np.float32),
            input_scale=np.array([40.0, 30.0], np.float32),
        )
    )
    sample.gt_instances = InstanceData(
        bboxes=np.array([[34.0, 28.0, 66.0, 52.0]], np.float32),
        bbox_scores=np.ones(1, np.float32),
    )
    if annotated:
        sample.gt_instance_labels = InstanceData(
            keypoint_labels=torch.rand(1, num_keypoints, 2),
            keypoint_weights=torch.ones(1, num_keypoints),
        )
    return sample


def make_episode(num_keypoints, num_shots=1, num_queries=2, annotated=True):
    episode = EpisodeDataSample(
        metainfo=dict(skeleton=[[0, 1]], num_keypoints=num_keypoints)
    )
    episode.supports = [make_member(num_keypoints) for _ in range(num_shots)]
    episode.queries = [
        make_member(num_keypoints, annotated) for _ in range(num_queries)
    ]
    return episode


def make_inputs(num_episodes, num_shots=1, num_queries=2):
    return dict(
        support=torch.rand(num_episodes, num_shots, 3, 48, 64),
        query=torch.rand(num_episodes, num_queries, 3, 48, 64),
    )


@torch.no_grad()
def test_predictions_are_per_query_and_cut_to_the_category(make_estimator):
    episodes = [make_episode(3), make_episode(5)]
    results = make_estimator()(make_inputs(2), episodes, mode='predict')
    for result, num_keypoints in zip(results, (3, 5)):
        for query in result.queries:
            instances = query.pred_instances
            assert instances.keypoints.shape == (1, num_keypoints, 2)
            assert instances.keypoints.dtype == np.float32
            assert instances.keypoint_scores.shape == (1, num_keypoints)
            assert 'teacher_forced_instances' not in query


@torch.no_grad()
def test_predictions_are_in_original_pixels(make_estimator, monkeypatch):
    estimator = make_estimator()
    norm = torch.tensor([[0.0, 0.0], [1.0, 1.0], [0.5, 0.5]])
    monkeypatch.setattr(
        estimator.head,
        'predict',
        lambda *args: (norm.expand(1, 2, 3, 2), torch.ones(1, 2, 3)),
    )
    results = estimator(make_inputs(1), [make_episode(3)], mode='predict')
    # from border to border of the input: half an input pixel outside
    half = 0.5 * np.array([40, 30]) / [64, 48]
    expected = np.array([[30, 25], [70, 55], [50, 40]]) - half
    for query in results[0].queries:
        assert np.allclose(query.pred_instances.keypoints[0], expected)


@torch.no_grad()
def test_queries_need_no_annotation(make_estimator):
    episode = make_episode(3, annotated=False)
    estimator = make_estimator(teacher_forced=True)
    result = estimator(make_inputs(1), [episode], mode='predict')[0]
    assert result.queries[0].pred_instances.keypoints.shape == (1, 3, 2)
    assert 'teacher_forced_instances' not in result.queries[0]


@torch.no_grad()
def test_teacher_forced_diagnostic_on_demand(make_estimator):
    estimator = make_estimator(teacher_forced=True)
    result = estimator(make_inputs(1), [make_episode(3)], mode='predict')[0]
    diagnostic = result.queries[0].teacher_forced_instances
    assert diagnostic.keypoints.shape == (1, 3, 2)


def test_loss_is_finite_for_several_shots_and_queries(make_estimator):
    episodes = [make_episode(3, 2, 3), make_episode(5, 2, 3)]
    losses = make_estimator()(make_inputs(2, 2, 3), episodes, mode='loss')
    assert all(loss.isfinite() for loss in losses.values())
    sum(losses.values()).backward()


@torch.no_grad()
def test_tensor_mode_gives_points_and_scores(make_estimator):
    points, scores = make_estimator()(make_inputs(1), [make_episode(3)])
    assert points.shape == (1, 2, 3, 2)
    assert scores.shape == (1, 2, 3)


@torch.no_grad()
def test_one_backbone_serves_support_and_query(make_estimator):
    estimator = make_estimator()
    image = torch.rand(1, 1, 3, 48, 64)
    support, query = estimator.extract_feat(dict(support=image, query=image))
    for one, other in zip(support, query):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize('separate, sizes', [(False, [6]), (True, [2, 4])])
def test_roles_share_a_pass_of_the_backbone_or_have_one_each(
    make_estimator, separate, sizes
):
    estimator = make_estimator()
    estimator.train_cfg = dict(separate_roles=separate)
    found = []
    estimator.backbone.register_forward_hook(
        lambda module, inputs, output: found.append(len(inputs[0]))
    )
    estimator(make_inputs(2), [make_episode(3), make_episode(5)], mode='loss')
    assert found == sizes
