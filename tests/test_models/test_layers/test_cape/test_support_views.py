# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import pytest
import torch

from cape_mm.models.layers import sample_features
from cape_mm.models.layers.cape import SupportViews


@pytest.fixture
def views():
    return SupportViews()


def smooth_images(number, side=64):
    """Images (N, 3, H, W) whose values differ from place to place."""
    torch.manual_seed(0)
    coarse = torch.rand(number, 3, 5, 5)
    return torch.nn.functional.interpolate(
        coarse, (side, side), mode='bicubic', align_corners=False
    )


def test_rotations_come_before_their_mirrored_twins(views):
    assert len(views) == 16 and views.num_plain == 8
    assert torch.allclose(views.matrices[0], torch.eye(2))
    assert views.matrices[:8].det().allclose(torch.ones(8))
    assert views.matrices[8:].det().allclose(-torch.ones(8))
    assert len(SupportViews(num_rotations=4, mirror=False)) == 4


def test_matrices_are_orthogonal(views):
    product = views.matrices @ views.matrices.transpose(1, 2)
    assert torch.allclose(product, torch.eye(2).expand(16, 2, 2), atol=1e-6)


def test_the_plain_view_costs_nothing_and_a_mirrored_rotation_most(views):
    costs = SupportViews(rotation_cost=0.5, mirror_cost=0.25).costs
    assert costs[0] == 0
    assert (costs[1:8] == 0.5).all()
    assert costs[8] == 0.25
    assert (costs[9:] == 0.75).all()


def test_the_first_view_is_the_image_itself(views):
    images = smooth_images(2)
    assert torch.allclose(views(images)[:, 0], images, atol=1e-5)


@pytest.mark.parametrize('quarter', [1, 2, 3])
def test_quarter_turns_move_pixels_without_changing_them(views, quarter):
    images = smooth_images(2)
    turned = views(images)[:, 2 * quarter]
    one, other = (
        torch.rot90(images, sign * quarter, (2, 3)) for sign in (1, -1)
    )
    error = min((turned - one).abs().max(), (turned - other).abs().max())
    assert error < 1e-4
    # the same direction for all of them
    direction = torch.rot90(images, 1, (2, 3))
    is_one = (views(images)[:, 2] - direction).abs().max() < 1e-4
    assert torch.allclose(turned, one if is_one else other, atol=1e-4)


def test_the_mirrored_view_is_the_image_from_left_to_right(views):
    images = smooth_images(1)
    assert torch.allclose(views(images)[:, 8], images.flip(3), atol=1e-5)


def test_labels_follow_the_pixels_in_every_view(views):
    images = smooth_images(2)
    torch.manual_seed(1)
    points = 0.35 + 0.3 * torch.rand(2, 1, 6, 2)
    valid = torch.ones(2, 1, 6, dtype=torch.bool)
    own = torch.arange(6).repeat(2, 1)
    places = views.transform_labels(points, valid, own)
    assert places.shape == (2, 1, 16, 6, 2)
    expected = sample_features(images, points[:, 0])
    for number, view in enumerate(views(images).unbind(1)):
        found = sample_features(view, places[:, 0, number])
        assert torch.allclose(found, expected, atol=0.02), number


def test_partners_change_places_in_mirrored_views_alone(views):
    points = torch.tensor([[[[0.2, 0.3], [0.8, 0.4], [0.5, 0.9]]]])
    valid = torch.ones(1, 1, 3, dtype=torch.bool)
    partners = torch.tensor([[1, 0, 2]])
    places = views.transform_labels(points, valid, partners)
    assert torch.allclose(places[:, :, 0], points)
    mirrored = torch.tensor([[0.2, 0.4], [0.8, 0.3], [0.5, 0.9]])
    assert torch.allclose(places[0, 0, 8], mirrored)


def test_a_keypoint_without_labelled_partner_keeps_its_own_place(views):
    points = torch.tensor([[[[0.2, 0.3], [0.0, 0.0], [0.5, 0.9]]]])
    valid = torch.tensor([[[True, False, True]]])
    partners = torch.tensor([[1, 0, 2]])
    places = views.transform_labels(points, valid, partners)
    mirrored = torch.tensor([[0.8, 0.3], [0.5, 0.9]])
    assert torch.allclose(places[0, 0, 8, [0, 2]], mirrored)


def test_mirroring_twice_changes_nothing(views):
    torch.manual_seed(0)
    points = torch.rand(2, 3, 5, 2)
    valid = torch.rand(2, 3, 5) > 0.4
    partners = torch.tensor([[1, 0, 3, 2, 4]]).repeat(2, 1)
    once = views.transform_labels(points, valid, partners)[:, :, 8]
    twice = views.transform_labels(once, valid, partners)[:, :, 8]
    assert torch.allclose(twice, points, atol=1e-6)
    images = smooth_images(1)
    again = views(views(images)[:, 8])[:, 8]
    assert torch.allclose(again, images, atol=1e-4)
