# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import torch

from cape_mm.models.pose_estimators.cape_estimator import (
    rotate_batch,
    rotate_members,
)


def test_every_member_is_support_once_and_meets_all_others():
    support, query = torch.tensor([[0], [4]]), torch.tensor([[1, 2, 3]] * 2)
    query[1] += 4
    supports, queries = rotate_members(support, query)
    assert supports.flatten().tolist() == list(range(8))
    for one, others in zip(supports.flatten(), queries):
        first = one // 4 * 4
        assert sorted([one, *others]) == list(range(first, first + 4))


def test_first_rotation_is_the_episode_itself():
    support, query = torch.rand(2, 2, 5), torch.rand(2, 3, 5)
    supports, queries = rotate_members(support, query)
    assert supports.shape == (10, 2, 5)
    assert torch.equal(supports[::5], support)
    assert torch.equal(queries[::5], query)


def test_labels_and_adjacency_stay_together(make_batch):
    batch = make_batch(num_episodes=2, num_queries=3)
    batch.adjacency[1] = False
    rotated = rotate_batch(batch)
    assert rotated.adjacency.shape == (8, 5, 5)
    assert rotated.adjacency[:4].any() and not rotated.adjacency[4:].any()
    for i in range(4):
        expected = batch.query_points[1, i - 1] if i else None
        if expected is not None:
            assert torch.equal(rotated.support_points[4 + i, 0], expected)
