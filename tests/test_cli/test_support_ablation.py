# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample
from torch import nn

from cape_mm.cli.support_ablation import (
    INTERVENTIONS,
    no_skeleton,
    permuted_order,
    right_support,
    shuffled_keypoints,
    wrong_category,
    wrong_image,
    zeroed_support_features,
)
from cape_mm.structures import EpisodeDataSample


def make_member(num_keypoints, offset, hidden=()):
    sample = PoseDataSample()
    points = offset + np.arange(2 * num_keypoints, dtype=np.float32)
    points = points.reshape(1, num_keypoints, 2)
    visible = np.ones((1, num_keypoints), np.float32)
    visible[:, list(hidden)] = 0
    sample.gt_instances = InstanceData(
        bboxes=np.array([[1.0, 2.0, 3.0, 4.0]], np.float32),
        keypoints=points,
        keypoints_visible=visible,
    )
    sample.gt_instance_labels = InstanceData(
        keypoint_labels=torch.from_numpy(points) / 100,
        keypoint_weights=torch.from_numpy(visible),
    )
    return sample


def make_sample(num_keypoints=4, offset=0, hidden=(), shots=2):
    episode = EpisodeDataSample(
        metainfo=dict(
            num_keypoints=num_keypoints,
            skeleton=[[i, i + 1] for i in range(num_keypoints - 1)],
            keypoint_names=[f'k{i}' for i in range(num_keypoints)],
        )
    )
    episode.supports = [
        make_member(num_keypoints, offset + 10 * i, hidden)
        for i in range(shots)
    ]
    episode.queries = [make_member(num_keypoints, offset + 50)]
    return dict(
        inputs=dict(
            support=torch.full((shots, 3, 2, 2), offset),
            query=torch.full((1, 3, 2, 2), offset + 1),
        ),
        data_samples=episode,
    )


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def points_of(sample, number=0):
    return sample['data_samples'].supports[number].gt_instances.keypoints[0]


@pytest.mark.parametrize('name', INTERVENTIONS)
def test_nothing_given_is_changed(name, rng):
    sample, donor = make_sample(hidden=[1]), make_sample(6, 30)
    before = copy.deepcopy((sample, donor))
    INTERVENTIONS[name](sample, donor, rng)
    for one, other in zip(before, (sample, donor)):
        assert one['data_samples'].metainfo == other['data_samples'].metainfo
        members = zip(
            [*one['data_samples'].supports, *one['data_samples'].queries],
            [*other['data_samples'].supports, *other['data_samples'].queries],
        )
        for old, new in members:
            np.testing.assert_array_equal(
                old.gt_instances.keypoints, new.gt_instances.keypoints
            )
            assert torch.equal(
                old.gt_instance_labels.keypoint_weights,
                new.gt_instance_labels.keypoint_weights,
            )
        assert torch.equal(
            one['inputs']['support'], other['inputs']['support']
        )


@pytest.mark.parametrize('name', INTERVENTIONS)
def test_queries_keep_their_images(name, rng):
    sample = make_sample()
    changed = INTERVENTIONS[name](sample, make_sample(6, 30), rng).sample
    assert torch.equal(changed['inputs']['query'], sample['inputs']['query'])
    assert changed['data_samples'].num_keypoints == 4


def test_right_support_is_the_sample_itself(rng):
    sample = make_sample()
    change = right_support(sample, None, rng)
    assert change.sample is sample
    assert change.order.tolist() == [0, 1, 2, 3]
    assert change.judged.all()


@pytest.mark.parametrize(
    'count, judged, edges',
    [
        (6, [1, 0, 1, 1], [[0, 1], [1, 2], [2, 3]]),
        (3, [1, 0, 1, 0], [[0, 1], [1, 2]]),
    ],
)
def test_wrong_category_matches_by_index(count, judged, edges, rng):
    sample, donor = make_sample(4), make_sample(count, 30, hidden=[1])
    change = wrong_category(sample, donor, rng)
    assert change.judged.tolist() == [bool(x) for x in judged]
    episode = change.sample['data_samples']
    assert episode.skeleton == edges
    common = min(count, 4)
    np.testing.assert_array_equal(
        points_of(change.sample)[:common], points_of(donor)[:common]
    )
    weights = episode.supports[0].gt_instance_labels.keypoint_weights
    assert weights[0].tolist() == judged
    assert (change.sample['inputs']['support'] == 30).all()


def test_wrong_image_keeps_the_coordinates(rng):
    sample, donor = make_sample(), make_sample(6, 30)
    change = wrong_image(sample, donor, rng)
    assert (change.sample['inputs']['support'] == 30).all()
    np.testing.assert_array_equal(points_of(change.sample), points_of(sample))


def test_every_labelled_keypoint_is_moved_in_all_shots_alike(rng):
    sample = make_sample(6, hidden=[2])
    change = shuffled_keypoints(sample, None, rng)
    moved = points_of(change.sample) != points_of(sample)
    assert moved.any(axis=1).tolist() == [i != 2 for i in range(6)]
    assert sorted(points_of(change.sample)[:, 0]) == sorted(
        points_of(sample)[:, 0]
    )
    np.testing.assert_array_equal(
        points_of(change.sample, 1), points_of(change.sample) + 10
    )
    assert (
        change.sample['data_samples'].skeleton
        == sample['data_samples'].skeleton
    )


def test_no_skeleton_has_no_edges(rng):
    change = no_skeleton(make_sample(), None, rng)
    assert change.sample['data_samples'].skeleton == []


def test_permuted_order_is_undone_by_its_order(rng):
    sample = make_sample(6, hidden=[2])
    change = permuted_order(sample, None, rng)
    assert (points_of(change.sample) != points_of(sample)).any()
    np.testing.assert_array_equal(
        points_of(change.sample)[change.order], points_of(sample)
    )
    episode = change.sample['data_samples']
    names = [
        sorted(episode.keypoint_names[end] for end in edge)
        for edge in episode.skeleton
    ]
    assert names == [[f'k{i}', f'k{i + 1}'] for i in range(5)]
    query = episode.queries[0].gt_instance_labels.keypoint_labels[0]
    expected = sample['data_samples'].queries[0].gt_instance_labels
    assert torch.equal(query[change.order], expected.keypoint_labels[0])


class _Encoder(nn.Module):
    def forward(self, features, points):
        return sum(feature.sum() for feature in features) + points.sum()


def test_zeroed_features_leave_the_coordinates():
    model = nn.Module()
    model.head = nn.Module()
    model.head.support_encoder = _Encoder()
    features = (torch.ones(2), torch.ones(3))
    with zeroed_support_features(model):
        assert model.head.support_encoder(features, torch.ones(1)) == 1
    assert model.head.support_encoder(features, torch.ones(1)) == 6
