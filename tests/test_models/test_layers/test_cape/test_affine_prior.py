# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import math

import pytest
import torch

from cape_mm.models.layers import grid_points
from cape_mm.models.layers.cape import AffinePrior, add_prior

SIDE = 32
PLACES = torch.tensor(
    [[0.3, 0.3], [0.7, 0.35], [0.65, 0.7], [0.35, 0.65], [0.5, 0.45]]
)


def peaks(points, height=40.0, sigma=0.03):
    """Logits (N, K, H, W) with a Gaussian peak at each of points (N, K, 2)."""
    cells = grid_points(SIDE, SIDE, 'cpu', torch.float32)
    square = (points[..., None, :] - cells).square().sum(-1)
    logits = height * (-0.5 * square / sigma**2).exp()
    return logits.unflatten(-1, (SIDE, SIDE))


def turned(degrees, scale=1.0, shift=(0.0, 0.0)):
    """PLACES under a similarity about the centre, and its linear part."""
    cos, sin = (
        scale * getattr(math, name)(math.radians(degrees))
        for name in ('cos', 'sin')
    )
    linear = torch.tensor([[cos, sin], [-sin, cos]])
    return (PLACES - 0.5) @ linear + 0.5 + torch.tensor(shift), linear


def all_valid(count=1):
    return torch.ones(count, len(PLACES), dtype=torch.bool)


@pytest.mark.parametrize(
    'change', [(0, 1.0, (0.05, -0.08)), (20, 1.0), (-15, 1.15), (10, 0.85)]
)
def test_an_affine_map_of_peaked_maps_is_recovered(change):
    target, linear = turned(*change)
    prior = AffinePrior(ridge=1e-4, num_iterations=8)
    mapped, found, score = prior(
        peaks(target[None]), PLACES[None], all_valid()
    )
    # half a cell: the prior draws the means a little
    assert (mapped - target).abs().max() < 0.5 / SIDE
    assert (found[0] - linear).abs().max() < 0.06
    # one cell may lie up to half its diagonal beside the peak
    assert 25 < score.item() <= 40


def test_the_ridge_draws_the_map_towards_a_shift():
    target, _ = turned(20)
    _, weak, _ = AffinePrior(ridge=1e-4)(
        peaks(target[None]), PLACES[None], all_valid()
    )
    _, strong, _ = AffinePrior(ridge=10.0)(
        peaks(target[None]), PLACES[None], all_valid()
    )
    assert (strong[0] - torch.eye(2)).abs().max() < 0.02
    assert (weak[0] - torch.eye(2)).abs().max() > 0.2


def test_a_keypoint_that_matches_elsewhere_is_an_outlier():
    target, _ = turned(0, shift=(0.04, 0.03))
    wrong = target.clone()
    wrong[4] += torch.tensor([0.2, -0.2])
    mapped, _, _ = AffinePrior()(peaks(wrong[None]), PLACES[None], all_valid())
    assert (mapped[0] - target).norm(dim=-1).max() < 0.03


@pytest.mark.parametrize('count', [1, 2])
def test_one_or_two_keypoints_determine_a_shift_alone(count):
    target, _ = turned(15, shift=(0.05, 0.0))
    valid = torch.arange(len(PLACES))[None] < count
    mapped, linear, _ = AffinePrior()(peaks(target[None]), PLACES[None], valid)
    assert torch.equal(linear[0], torch.eye(2))
    shift = mapped[0] - PLACES
    assert torch.allclose(shift, shift[:1].expand_as(shift), atol=1e-6)


def test_maps_of_invalid_keypoints_do_not_matter():
    target, _ = turned(10)
    logits = peaks(target[None]).repeat(2, 1, 1, 1)
    places = PLACES.repeat(2, 1, 1)
    logits[1, 1] = 100 * torch.rand(SIDE, SIDE)
    places[1, 1] = torch.tensor([0.9, 0.1])
    valid = all_valid(2)
    valid[:, 1] = False
    mapped, linear, score = AffinePrior()(logits, places, valid)
    used = valid[0]
    assert torch.allclose(mapped[0, used], mapped[1, used], atol=1e-6)
    assert torch.allclose(linear[0], linear[1], atol=1e-6)
    assert torch.allclose(score[0], score[1])


def test_nothing_valid_gives_finite_numbers():
    torch.manual_seed(0)
    valid = torch.zeros(2, len(PLACES), dtype=torch.bool)
    results = AffinePrior()(
        torch.randn(2, len(PLACES), SIDE, SIDE), PLACES.repeat(2, 1, 1), valid
    )
    assert all(value.isfinite().all() for value in results)
    assert (results[2] == 0).all()


def test_coincident_keypoints_give_finite_numbers():
    same = torch.full((1, 5, 2), 0.5)
    results = AffinePrior()(torch.zeros(1, 5, SIDE, SIDE), same, all_valid())
    assert all(value.isfinite().all() for value in results)


def test_a_view_whose_peaks_fit_scores_more():
    target, _ = turned(0, shift=(0.05, 0.02))
    scattered = target[torch.tensor([2, 3, 0, 1, 4])]
    _, _, score = AffinePrior()(
        peaks(torch.stack([target, scattered])),
        PLACES.repeat(2, 1, 1),
        all_valid(2),
    )
    assert score[0] > score[1] + 5


def test_the_prior_is_a_gaussian_around_its_centres():
    centres = torch.tensor([[[0.3, 0.6]]])
    logits = add_prior(torch.zeros(1, 1, 8, 4), centres, 0.1)
    cells = grid_points(8, 4, 'cpu', torch.float32)
    square = (cells - centres[0]).square().sum(-1)
    expected = (-square / (2 * 0.1**2)).view(8, 4)
    assert torch.allclose(logits[0, 0], expected, rtol=1e-4, atol=1e-4)
