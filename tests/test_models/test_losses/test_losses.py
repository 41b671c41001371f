# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import pytest
import torch
from mmpose.models.losses import RLELoss

from cape_mm.models.layers import grid_points
from cape_mm.models.layers.cape import Proposal
from cape_mm.models.losses import (
    HeatmapKLLoss,
    KeypointL1Loss,
    KeypointRLELoss,
    masked_mean,
)


def test_masked_mean_weighs_rows_alike():
    values = torch.tensor([[1.0, 3.0, 9.0], [10.0, 9.0, 9.0]])
    valid = torch.tensor([[True, True, False], [True, False, False]])
    assert masked_mean(values, valid) == (2 + 10) / 2


def test_masked_mean_of_an_empty_row_is_zero():
    values = torch.tensor([[4.0], [9.0]])
    assert masked_mean(values, torch.tensor([[True], [False]])) == 2


def test_l1_is_the_mean_over_x_and_y_times_its_weight():
    points = torch.tensor([[[0.5, 0.5], [0.0, 0.0]]])
    target = torch.tensor([[[0.4, 0.7], [9.0, 9.0]]])
    valid = torch.tensor([[True, False]])
    loss = KeypointL1Loss(loss_weight=5)(points, target, valid)
    assert loss.item() == pytest.approx(5 * (0.1 + 0.2) / 2)
    summed = KeypointL1Loss(loss_weight=5, reduction='sum')
    loss = summed(points, target, valid)
    assert loss.item() == pytest.approx(5 * (0.1 + 0.2))


def test_rle_ignores_invalid_points_and_has_gradients():
    torch.manual_seed(0)
    loss = KeypointRLELoss()
    points = torch.rand(2, 3, 2, requires_grad=True)
    sigma = torch.zeros(2, 3, 2, requires_grad=True)
    target = torch.rand(2, 3, 2)
    valid = torch.tensor([[True, True, False], [True, False, False]])
    before = loss(points, target, valid, sigma)
    target[~valid] = 5
    after = loss(points, target, valid, sigma)
    assert before == after
    after.backward()
    assert (points.grad[valid] != 0).all()
    assert (points.grad[~valid] == 0).all()


def test_rle_weighs_rows_as_masked_mean_does():
    torch.manual_seed(0)
    loss = KeypointRLELoss()
    points, target = torch.rand(2, 3, 2), torch.rand(2, 3, 2)
    sigma = torch.randn(2, 3, 2)
    valid = torch.tensor([[True, True, True], [True, False, False]])
    both = loss(points, target, valid, sigma)
    rows = [
        loss(points[i, None], target[i, None], valid[i, None], sigma[i, None])
        for i in range(2)
    ]
    torch.testing.assert_close(both, sum(rows) / 2)


def make_proposal(logits):
    return Proposal(logits, None, None, (6, 8))


def test_heatmap_loss_of_the_target_itself_is_zero():
    grid = grid_points(6, 8, torch.device('cpu'), torch.float32)
    target = torch.tensor([[[0.3, 0.6]]])
    distance = (target.unsqueeze(2) - grid) * torch.tensor([8.0, 6.0])
    logits = -0.5 * (distance / 1.5).square().sum(-1)
    loss = HeatmapKLLoss(sigma=1.5)
    valid = torch.ones(1, 1, dtype=torch.bool)
    assert loss(make_proposal(logits), target, valid).abs() < 1e-6
    assert loss(make_proposal(logits), 1 - target, valid) > 0.5


def test_heatmap_loss_ignores_invalid_points():
    logits = torch.randn(1, 2, 48)
    valid = torch.tensor([[True, False]])
    target = torch.rand(1, 2, 2)
    moved = target.clone()
    moved[0, 1] = 0
    loss = HeatmapKLLoss()
    proposal = make_proposal(logits)
    assert loss(proposal, target, valid) == loss(proposal, moved, valid)


@pytest.mark.parametrize('residual', [True, False])
@pytest.mark.parametrize('name', ['laplace', 'gaussian'])
def test_rle_is_that_of_mmpose(residual, name):
    torch.manual_seed(0)
    loss = KeypointRLELoss(residual=residual, q_distribution=name)
    stock = RLELoss(
        use_target_weight=True,
        size_average=False,
        residual=residual,
        q_distribution=name,
    )
    for parameter in loss.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    stock.load_state_dict(loss.state_dict())
    points, target = torch.rand(2, 3, 2), torch.rand(2, 3, 2)
    sigma, valid = torch.randn(2, 3, 2), torch.ones(2, 3, dtype=torch.bool)
    expected = stock(points, sigma, target, torch.full((2, 3, 2), 1 / 6))
    torch.testing.assert_close(loss(points, target, valid, sigma), expected)


def test_rle_refuses_other_distributions():
    with pytest.raises(ValueError, match='hybrid'):
        KeypointRLELoss(q_distribution='hybrid')
