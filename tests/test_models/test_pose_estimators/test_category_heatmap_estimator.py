# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import pytest
import torch
from mmengine.registry import DefaultScope
from support.tiny_matching import ColourBackbone, smooth_images

from cape_mm.errors import DataError
from cape_mm.registry import MODELS
from cape_mm.structures import EpisodeBatch


@pytest.fixture
def model():
    torch.manual_seed(0)
    head = dict(
        type='cape_mm.AlignedHeatmapHead',
        in_channels=(32, 48),
        out_channels=4,
        channels=8,
        padding=1.25,
    )
    with DefaultScope.overwrite_default_scope('mmpose'):
        model = MODELS.build(
            dict(
                type='cape_mm.CategoryHeatmapEstimator',
                backbone=dict(type=ColourBackbone),
                head=head,
                image_size=64,
            )
        )
    model.head.template.valid.fill_(True)
    return model.eval()


def make_batch(num_keypoints=4, num_queries=2):
    points = torch.rand(1, num_queries, num_keypoints, 2)
    valid = torch.ones(1, num_queries, num_keypoints).bool()
    adjacency = torch.zeros(1, num_keypoints, num_keypoints)
    partners = torch.arange(num_keypoints)[None]
    return EpisodeBatch(points, valid, points, valid, adjacency, partners)


@torch.no_grad()
def test_images_are_read_at_the_size_of_the_backbone(model):
    points, scores = model.read(smooth_images(2))
    assert points.shape == (2, 4, 2) and scores.shape == (2, 4)
    assert ((points >= 0) & (points <= 1)).all()
    assert model.encode_queries(smooth_images(2)[None])[0].shape[-1] == 16


@torch.no_grad()
def test_queries_of_an_episode_are_read_without_supports(model):
    images = smooth_images(2)
    inputs = dict(support=images[None, :0], query=images[None])
    support, query = model.extract_feat(inputs)
    assert support == model.encode_supports(images[None]) == ()
    points, scores = model._decode(inputs, support, query, make_batch())
    expected = model.read(images)
    assert torch.equal(points[0], expected[0])
    assert torch.equal(scores[0], expected[1])


@torch.no_grad()
def test_keypoints_without_a_label_score_nothing(model):
    model.head.template.valid[1] = False
    _, scores = model.read(smooth_images(2))
    assert (scores[:, 1] == 0).all() and (scores[:, 0] > 0).all()


@torch.no_grad()
def test_another_number_of_keypoints_is_refused(model):
    inputs = dict(query=smooth_images(2)[None])
    query = model.encode_queries(inputs['query'])
    with pytest.raises(DataError, match='fitted to 4 .* have 3: give'):
        model._decode(inputs, (), query, make_batch(3))


def test_the_loss_is_that_of_the_queries(model, monkeypatch):
    batch = make_batch()
    monkeypatch.setattr(model, '_batch', lambda *_: batch)
    inputs = dict(query=smooth_images(2)[None])
    losses = model.loss(inputs, [])
    expected = model.head.loss(
        model.encode_queries(inputs['query']),
        batch.query_points[0],
        batch.query_valid[0],
    )
    assert torch.equal(losses['loss_keypoints'], expected['loss_keypoints'])
