# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import math

import pytest
import torch

from cape_mm.models.losses import FlowRLELoss


def make_inputs(dtype=torch.float64):
    torch.manual_seed(0)
    points, target = torch.rand(2, 3, 4, 2, dtype=dtype)
    sigma = torch.randn(3, 4, 2, dtype=dtype)
    visible = torch.rand(3, 4) < 0.7
    return points, sigma, target, visible


def make_identity(loss):
    for parameter in loss.flow.parameters():
        torch.nn.init.zeros_(parameter)
    return loss


def test_identity_flow_has_a_closed_form():
    points, sigma, target, visible = make_inputs()
    value = make_identity(FlowRLELoss(sigma_min=0.01).double())(
        points, sigma, target, visible
    )
    expected = 0.0
    for n, k in visible.nonzero().tolist():
        errors, sigmas = [], []
        for c in range(2):
            raw = 1 / (1 + math.exp(-sigma[n, k, c].item()))
            sigmas.append(0.01 + 0.99 * raw)
            gap = (points - target)[n, k, c].item()
            errors.append(gap / sigmas[-1])
        prior = math.log(2 * math.pi) + sum(e * e for e in errors) / 2
        for e, s in zip(errors, sigmas):
            expected += math.log(s) + prior + math.log(2 * s) + abs(e)
    assert value.item() == pytest.approx(expected / (2 * visible.sum().item()))


@pytest.mark.parametrize(
    'name, constant',
    [
        (None, 0.0),
        ('laplace', math.log(2)),
        ('gaussian', math.log(2 * math.pi) / 2),
        ('hybrid', math.log(2 * math.pi) / 2),
    ],
)
def test_perfect_points_cost_the_logarithms_only(name, constant):
    points, sigma, _, visible = make_inputs()
    loss = make_identity(FlowRLELoss(q_distribution=name).double())
    value = loss(points, sigma, points, visible)
    logs = loss.bounded_sigma(sigma).log()[visible].mean().item()
    times = 1 if name is None else 2
    prior = math.log(2 * math.pi)
    assert value.item() == pytest.approx(times * logs + prior + constant)


@pytest.mark.parametrize('name', ['laplace', 'gaussian', 'hybrid'])
def test_gradient_agrees_with_finite_differences(name):
    points, sigma, target, visible = make_inputs()
    loss = FlowRLELoss(q_distribution=name).double()
    for parameter in loss.flow.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    assert torch.autograd.gradcheck(
        lambda p, s: loss(p, s, target, visible),
        (points.requires_grad_(), sigma.requires_grad_()),
    )


def test_the_flow_is_that_of_mmpose():
    points, sigma, target, visible = make_inputs()
    loss = FlowRLELoss(q_distribution=None).double()
    for parameter in loss.flow.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    scale = loss.bounded_sigma(sigma)
    error = ((points - target) / scale)[visible]
    expected = scale[visible].log().mean() - loss.flow.log_prob(error).mean()
    assert torch.allclose(loss(points, sigma, target, visible), expected)


def test_invisible_keypoints_have_no_influence():
    points, sigma, target, visible = make_inputs(torch.float32)
    loss = FlowRLELoss()
    value = loss(points, sigma, target, visible)
    target[~visible] = float('nan')
    points[~visible] = 100.0
    points.requires_grad_()
    changed = loss(points, sigma, target, visible)
    assert torch.equal(value, changed)
    changed.backward()
    assert not points.grad[~visible].any()
    assert points.grad[visible].all()


def test_the_sum_is_divided_by_the_given_factor():
    points, sigma, target, visible = make_inputs(torch.float32)
    loss = FlowRLELoss(loss_weight=3.0)
    mean = loss(points, sigma, target, visible)
    total = loss(points, sigma, target, visible, avg_factor=1)
    assert torch.allclose(total, mean * 2 * visible.sum())
    doubled = FlowRLELoss(loss_weight=3.0, keypoint_weights=[2.0] * 4)
    doubled.load_state_dict(loss.state_dict())
    assert torch.allclose(doubled(points, sigma, target, visible), 2 * mean)


def test_without_visible_keypoints_it_is_0_with_a_gradient():
    points, sigma, target, visible = make_inputs(torch.float32)
    for number in (0, 3):
        loss = FlowRLELoss()
        sigma = sigma.detach().requires_grad_()
        value = loss(
            points[:number],
            sigma[:number],
            target[:number],
            torch.zeros_like(visible[:number]),
        )
        value.backward()
        assert value == 0 and not sigma.grad.any()


def test_half_precision_is_computed_in_single():
    points, sigma, target, visible = make_inputs(torch.float32)
    loss = FlowRLELoss()
    # Errors of hundreds of sigmas: their squares overflow in half.
    sigma = sigma - 20
    with torch.autocast('cpu', dtype=torch.bfloat16):
        value = loss(points, sigma, target, visible)
    assert value.dtype == torch.float32 and value.isfinite()
    assert torch.equal(value, loss(points, sigma, target, visible))
    assert loss(points.half(), sigma.half(), target, visible).isfinite()


def test_a_new_flow_hardly_bends():
    """Its weights start small, so that it is a mere shift and scale."""
    torch.manual_seed(0)
    errors, flow = torch.randn(100, 2), FlowRLELoss().flow

    def bend():
        there, back, middle = (
            flow.backward_p(x)[0] for x in (errors, -errors, 0 * errors)
        )
        return (there + back - 2 * middle).abs().max()

    assert bend() < 0.01
    for layer in flow.modules():
        if isinstance(layer, torch.nn.Linear):
            layer.reset_parameters()
    assert bend() > 0.1


def test_sigma_has_a_floor():
    loss = FlowRLELoss(sigma_min=0.02)
    low, high = loss.bounded_sigma(torch.tensor([-1e4, 1e4])).tolist()
    assert low == pytest.approx(0.02) and high == pytest.approx(1)
    with pytest.raises(ValueError, match='positive'):
        FlowRLELoss(sigma_min=0.0)
    with pytest.raises(ValueError, match='cauchy'):
        FlowRLELoss(q_distribution='cauchy')
