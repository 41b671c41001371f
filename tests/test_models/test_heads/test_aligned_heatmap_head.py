# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import pytest
import torch

from cape_mm.models.heads import AlignedHeatmapHead


@pytest.fixture
def head():
    torch.manual_seed(0)
    return AlignedHeatmapHead((6, 8), out_channels=3, channels=16).eval()


@pytest.fixture
def feats():
    generator = torch.Generator().manual_seed(0)
    return (
        torch.randn(2, 6, 8, 8, generator=generator),
        torch.randn(2, 8, 4, 4, generator=generator),
    )


def test_maps_have_twice_the_size_of_the_finest_level(head, feats):
    assert head(feats).shape == (2, 3, 16, 16)


def test_keypoints_are_read_near_the_given_places(head, feats):
    centres = torch.tensor([[0.2, 0.8], [0.5, 0.5], [0.9, 0.1]])
    centres = centres.expand(2, 3, 2)
    head.prior_sigma = 0.01
    points, scores = head.predict(feats, centres)
    assert (points - centres).abs().max() < 1 / 16
    assert ((scores > 0) & (scores <= 1.001)).all()


def test_a_wide_prior_and_none_read_the_same(head, feats):
    points, _ = head.predict(feats)
    head.prior_sigma = 1e4
    wide, _ = head.predict(feats, torch.full((2, 3, 2), 0.5))
    torch.testing.assert_close(points, wide, atol=1e-3, rtol=0)


def test_training_finds_the_keypoints(head, feats):
    points = torch.tensor([[0.3, 0.7], [0.55, 0.4], [0.8, 0.8]])
    points = torch.stack([points, points.flip(0)])
    valid = torch.ones(2, 3).bool()
    head.train()
    optimizer = torch.optim.Adam(head.parameters(), 1e-2)
    first = head.loss(feats, points, valid)['loss_keypoints'].item()
    for _ in range(60):
        loss = head.loss(feats, points, valid)['loss_keypoints']
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert 0 <= loss.item() < 0.2 * first
    head.eval()
    head.prior_sigma = 10.0
    read, _ = head.predict(feats, torch.full((2, 3, 2), 0.5))
    assert (read - points).abs().max() < 1 / 16


def test_unlabelled_keypoints_never_enter_the_loss(head, feats):
    points = torch.rand(2, 3, 2)
    valid = torch.tensor([[True, False, True], [True, True, False]])
    other = points.clone()
    other[~valid] = 1e6
    one, two = (
        head.loss(feats, p, valid)['loss_keypoints'] for p in (points, other)
    )
    assert one.isfinite() and torch.equal(one, two)
    none = head.loss(feats, points, torch.zeros(2, 3).bool())
    assert none['loss_keypoints'] == 0
