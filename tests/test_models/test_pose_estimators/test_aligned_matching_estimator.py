# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import pytest
import torch
from support.tiny_matching import build_aligned_matcher, smooth_images


@pytest.fixture
def model():
    return build_aligned_matcher()


POINTS = torch.tensor([[[0.3, 0.3], [0.7, 0.35], [0.6, 0.7], [0.25, 0.6]]])


def fit(model, valid=None):
    valid = torch.ones(1, 4).bool() if valid is None else valid
    model.aligned_head.template.fit(POINTS, valid, torch.arange(4))
    return model.aligned_head.template


def test_a_keypoint_is_where_its_image_is_after_alignment(model):
    template = fit(model)
    turned = POINTS.flip(-1) * torch.tensor([-0.8, 0.8])
    turned = turned + torch.tensor([0.9, 0.1])
    matrices, mirrored = template(turned, torch.ones(1, 4))
    aligned = template.to_template(turned, matrices, mirrored)
    images = torch.zeros(1, 1, 96, 96)
    x, y = (turned[0, 1] * 96).long().tolist()
    images[..., y - 2 : y + 3, x - 2 : x + 3] = 1
    spot = model.align(images.expand(1, 3, 96, 96), matrices)[0, 0]
    places = (torch.arange(64) + 0.5) / 64
    centre = torch.stack([spot.sum(0) @ places, spot.sum(1) @ places])
    assert (centre / spot.sum() - aligned[0, 1]).abs().max() < 0.01


@torch.no_grad()
def test_refined_keypoints_stay_near_the_matched_ones(model):
    fit(model)
    images, points = smooth_images(2), POINTS.repeat(2, 1, 1)
    refined, scores = model.refine(images, points, torch.ones(2, 4))
    # four sigma of the prior, in the template's frame
    assert (refined - points).norm(dim=-1).max() < 4 * 0.08
    assert ((scores >= 0) & (scores <= 1)).all()


@torch.no_grad()
def test_what_the_template_does_not_know_stays(model):
    fit(model, torch.tensor([[True, True, True, False]]))
    scores = torch.tensor([[0.9, 0.8, 0.0, 0.7]])
    refined, new = model.refine(smooth_images(1), POINTS, scores)
    assert torch.equal(refined[:, 2:], POINTS[:, 2:])
    assert torch.equal(new[:, 2:], scores[:, 2:])


@torch.no_grad()
def test_no_certain_keypoint_at_all_changes_nothing(model):
    fit(model)
    scores = torch.zeros(1, 4)
    refined, new = model.refine(smooth_images(1), POINTS, scores)
    assert torch.equal(refined, POINTS) and torch.equal(new, scores)
