# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import torch
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample

from cape_mm.structures import EpisodeBatch, EpisodeDataSample


def make_member(num_keypoints, invalid=()):
    weights = torch.ones(1, num_keypoints)
    weights[:, list(invalid)] = 0
    sample = PoseDataSample()
    sample.gt_instance_labels = InstanceData(
        keypoint_labels=torch.rand(1, num_keypoints, 2) + 0.1,
        keypoint_weights=weights,
    )
    return sample


def make_episode(num_keypoints, skeleton, invalid=(), num_queries=1):
    sample = EpisodeDataSample(
        metainfo=dict(skeleton=skeleton, num_keypoints=num_keypoints)
    )
    sample.supports = [make_member(num_keypoints, invalid)]
    sample.queries = [make_member(num_keypoints) for _ in range(num_queries)]
    return sample


def test_shorter_episodes_are_padded_as_invalid():
    batch = EpisodeBatch.from_data_samples(
        [make_episode(2, [[0, 1]]), make_episode(4, [[2, 3]])]
    )
    assert batch.support_points.shape == (2, 1, 4, 2)
    assert batch.support_valid[:, 0].tolist() == [
        [True, True, False, False],
        [True] * 4,
    ]
    assert (batch.query_points[0, 0, 2:] == 0).all()


def test_labels_keep_their_place():
    episode = make_episode(3, [], num_queries=2)
    batch = EpisodeBatch.from_data_samples([episode])
    for i, query in enumerate(episode.queries):
        labels = query.gt_instance_labels.keypoint_labels[0]
        assert torch.equal(batch.query_points[0, i], labels)


def test_coordinates_of_unlabelled_points_are_neutralised():
    episode = make_episode(3, [], invalid=[1])
    labels = episode.supports[0].gt_instance_labels
    labels.keypoint_labels[0, 1] = torch.tensor([float('nan'), float('inf')])
    batch = EpisodeBatch.from_data_samples([episode])
    assert batch.support_valid[0, 0].tolist() == [True, False, True]
    assert (batch.support_points[0, 0, 1] == 0).all()


def test_adjacency_is_symmetric_without_loops():
    batch = EpisodeBatch.from_data_samples(
        [make_episode(3, [[0, 1], [2, 1], [2, 2]])]
    )
    expected = torch.tensor([[0, 1, 0], [1, 0, 1], [0, 1, 0]], dtype=bool)
    assert torch.equal(batch.adjacency[0], expected)


def test_a_query_needs_no_annotation():
    episode = make_episode(3, [])
    episode.queries = [PoseDataSample()]
    batch = EpisodeBatch.from_data_samples([episode])
    assert batch.query_points.shape == (1, 1, 3, 2)
    assert not batch.query_valid.any()
