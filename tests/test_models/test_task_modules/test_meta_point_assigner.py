# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import pytest
import torch

from cape_mm.models.task_modules import MetaPointAssigner


def grid(num_layers: int = 1) -> torch.Tensor:
    """Meta points (L, 1, 1, 4, 2) at the corners of a square."""
    corners = torch.tensor([[0.2, 0.2], [0.8, 0.2], [0.2, 0.8], [0.8, 0.8]])
    return corners.expand(num_layers, 1, 1, 4, 2)


def assign(target, visible=None, visibility=0.5, points=None, **kwargs):
    target = torch.tensor(target)[None, None]
    if visible is None:
        visible = [True] * target.shape[2]
    probability = torch.as_tensor(visibility).expand(1, 1, 4)
    points = grid() if points is None else points
    return (
        MetaPointAssigner(**kwargs)
        .assign(
            points, probability, target, torch.tensor(visible)[None, None]
        )[0]
        .tolist()
    )


def test_keypoints_are_given_the_nearest_meta_points():
    assert assign([[0.7, 0.9], [0.25, 0.1]]) == [3, 0]


def test_two_keypoints_never_share_a_meta_point():
    assert assign([[0.2, 0.2], [0.3, 0.2]]) == [0, 1]


def test_absent_keypoints_are_given_the_least_visible_meta_points():
    visibility = torch.tensor([0.9, 0.9, 0.1, 0.9])
    target = [[0.2, 0.2], [0.2, 0.2]]
    assert assign(target, [False, True], visibility) == [2, 0]


def test_of_equally_near_meta_points_the_more_visible_one_counts():
    visibility = torch.tensor([0.2, 0.9, 0.2, 0.2])
    assert assign([[0.5, 0.2]], visibility=visibility) == [1]


def test_early_layers_may_be_off_by_their_slack():
    """0.09 away in the first of two layers costs nothing."""
    points = grid(2).clone()
    points[0, ..., 0, :] += torch.tensor([0.09, 0.0])
    points[0, ..., 1, :] = points[1, ..., 1, :] = torch.tensor([0.2, 0.201])
    assert assign([[0.2, 0.2]], points=points) == [0]


def test_costs_of_supports_are_averaged():
    points = grid().repeat(1, 1, 2, 1, 1)
    target = torch.tensor([[[0.2, 0.2]], [[0.55, 0.2]]])[None]
    found = MetaPointAssigner().assign(
        points,
        torch.full((1, 2, 4), 0.5),
        target,
        torch.ones(1, 2, 1, dtype=torch.bool),
    )
    assert found.tolist() == [[0]]


def test_too_few_meta_points_are_refused():
    with pytest.raises(ValueError, match='5 keypoints for 4 meta points'):
        assign([[0.5, 0.5]] * 5)
