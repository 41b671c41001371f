# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import math

import pytest
import torch

from cape_mm.models.layers.cape import KeypointTemplate


@pytest.fixture
def points():
    generator = torch.Generator().manual_seed(0)
    return 0.25 + 0.5 * torch.rand(1, 9, 2, generator=generator)


def turned(points, angle, scale=1.0, mirror=False):
    cos, sin = scale * math.cos(angle), scale * math.sin(angle)
    matrix = torch.tensor([[cos, -sin], [sin, cos]])
    flip = torch.tensor([-1.0, 1.0]) if mirror else 1.0
    return ((points - 0.5) * flip) @ matrix.T + 0.5


def fitted(points, partners=None, **kwargs):
    template = KeypointTemplate(points.shape[1], **kwargs)
    if partners is None:
        partners = torch.arange(points.shape[1])
    template.fit(points, torch.ones(points.shape[:2]).bool(), partners)
    return template


def test_turned_scaled_and_mirrored_instances_become_one(points):
    instances = torch.cat(
        [
            points,
            turned(points, 2.0, 0.6) + 0.1,
            turned(points, -1.0, 0.8, mirror=True),
        ]
    )
    template = fitted(instances)
    matrices, mirrored = template(instances, torch.ones(3, 9))
    assert mirrored.tolist() == [False, False, True]
    aligned = template.to_template(instances, matrices, mirrored)
    assert torch.allclose(aligned, template.points.expand(3, 9, 2), atol=1e-5)
    back = template.from_template(aligned, matrices, mirrored)
    assert torch.allclose(back, instances, atol=1e-5)


def test_the_shape_takes_its_share_of_the_frame(points):
    template = fitted(points, padding=2.0)
    low, high = template.points.amin(0), template.points.amax(0)
    assert (high - low).max() == pytest.approx(0.5)
    assert torch.allclose((low + high) / 2, torch.tensor(0.5))


def test_partners_are_exchanged_under_a_mirror(points):
    partners = torch.arange(9)
    partners[[0, 1]] = torch.tensor([1, 0])
    template = fitted(points, partners)
    instance = turned(points, 0.5, mirror=True)[:, partners]
    matrices, mirrored = template(instance, torch.ones(1, 9))
    assert mirrored.all()
    aligned = template.to_template(instance, matrices, mirrored)
    assert torch.allclose(aligned[0], template.points, atol=1e-5)


def test_a_symmetric_object_is_not_mirrored():
    half = torch.tensor([[0.3, 0.2], [0.2, 0.5], [0.4, 0.8]])
    other = half * torch.tensor([-1.0, 1.0]) + torch.tensor([1.0, 0.0])
    partners = torch.tensor([3, 4, 5, 0, 1, 2])
    points = torch.cat([half, other])[None]
    template = fitted(points, partners)
    assert not template(points, torch.ones(1, 6))[1].any()


def test_unlabelled_keypoints_do_not_count(points):
    template = fitted(points)
    wrong = points.clone()
    wrong[:, 0] = 100
    weights = torch.ones(1, 9)
    weights[:, 0] = 0
    assert torch.allclose(
        template(wrong, weights)[0], template(points, weights)[0]
    )


@pytest.mark.parametrize('count', [1, 2])
def test_one_and_two_keypoints_are_aligned_without_a_mirror(points, count):
    points = points[:, :count]
    template = fitted(points)
    instance = turned(points, 3.0)
    matrices, mirrored = template(instance, torch.ones(1, count))
    assert not mirrored.any()
    aligned = template.to_template(instance, matrices, mirrored)
    assert torch.allclose(aligned[0], template.points, atol=1e-5)
