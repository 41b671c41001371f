# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import math

import pytest
import torch
from mmengine.registry import DefaultScope
from mmengine.structures import InstanceData

from cape_mm.models.task_modules import (
    KeypointL1Cost,
    OksCost,
    TrackAwareHungarianAssigner,
)
from cape_mm.registry import TASK_UTILS

SHAPE = dict(img_shape=(100, 200))
SIGMAS = dict(sigmas=[0.1, 0.05])


def make_queries(positions, logits=None):
    """Both keypoints of query q at (positions[q], positions[q])."""
    keypoints = torch.tensor(positions)[:, None, None].expand(-1, 2, 2)
    if logits is None:
        logits = [0.0] * len(positions)
    return InstanceData(
        keypoints=keypoints.clone(), scores=torch.tensor(logits)[:, None]
    )


def make_persons(positions, ids):
    keypoints = torch.tensor(positions)[:, None, None].expand(-1, 2, 2)
    count = len(positions)
    return InstanceData(
        keypoints=keypoints.clone(),
        keypoints_visible=torch.ones(count, 2),
        areas=torch.full((count,), 400.0),
        labels=torch.zeros(count, dtype=torch.int64),
        track_ids=torch.tensor(ids, dtype=torch.int64),
    )


def make_assigner(**kwargs):
    costs = [dict(type='cape_mm.KeypointL1Cost', weight=70.0)]
    return TrackAwareHungarianAssigner(costs, **kwargs)


def assign(assigner, queries, persons, ids, **kwargs):
    result = assigner.assign(
        queries, persons, SHAPE, torch.tensor(ids), **kwargs
    )
    return result.gt_inds.tolist()


def test_l1_is_the_mean_over_visible_coordinates():
    queries = make_queries([0.2, 0.5])
    persons = make_persons([0.1, 0.4, 0.4], [0, 1, 2])
    persons.keypoints_visible[1, 1] = 0
    persons.keypoints[1, 1] = float('nan')
    persons.keypoints_visible[2] = 0
    cost = KeypointL1Cost(weight=10.0)(queries, persons)
    expected = torch.tensor([[1.0, 2.0, 0.0], [4.0, 1.0, 0.0]])
    torch.testing.assert_close(cost, expected)


def test_oks_is_that_of_coco_in_input_pixels():
    queries = make_queries([0.2])
    persons = make_persons([0.1, 0.2, 0.1], [0, 1, 2])
    persons.keypoints_visible[2, 0] = 0
    persons.keypoints[2, 0] = float('nan')
    # 20 px to the right and 10 px down
    terms = [
        math.exp(-500 / (2 * 400 * (2 * sigma) ** 2))
        for sigma in SIGMAS['sigmas']
    ]
    cost = OksCost(SIGMAS, weight=7.0)(queries, persons, SHAPE)
    expected = torch.tensor([[-3.5 * sum(terms), -7.0, -7.0 * terms[1]]])
    torch.testing.assert_close(cost, expected)


def test_oks_needs_sigmas():
    with pytest.raises(ValueError, match='sigmas .* only dataset_name'):
        OksCost(dict(dataset_name='a'))
    file = 'configs/_base_/datasets/posetrack18.py'
    assert OksCost(file).oks.sigmas.shape == (17,)


def test_a_config_builds_it_with_the_stock_focal_cost():
    costs = [
        dict(type='mmdet.FocalLossCost', weight=2.0),
        dict(type='cape_mm.KeypointL1Cost', weight=70.0),
        dict(type='cape_mm.OksCost', metainfo=SIGMAS, weight=7.0),
    ]
    with DefaultScope.overwrite_default_scope('mmpose'):
        assigner = TASK_UTILS.build(
            dict(type='cape_mm.TrackAwareHungarianAssigner', match_costs=costs)
        )
    queries = make_queries([0.1, 0.1, 0.6], [-3.0, 3.0, 0.0])
    persons = make_persons([0.6, 0.1], [0, 1])
    result = assigner.assign(queries, persons, SHAPE)
    assert result.gt_inds.tolist() == [0, 2, 1]
    assert result.labels.tolist() == [-1, 0, 0]
    assert result.num_gts == 2


# Queries: track of 7, track of 8, track without identity, two detect queries.
# (name, identities of the persons at .1, .5, .9, hard answer, bonus answer)
TABLE = [
    # 7 stands on the person of 8 and the other way round
    ('kept', [8, 7], [2, 1, 0, 0, 0], [2, 1, 0, 0, 0]),
    # 8 has left; 9 stands where the track without identity is
    ('left', [7, 5, 9], [1, 0, 0, 2, 3], [1, 2, 3, 0, 0]),
    ('no identity known', [-1, -1], [0, 0, 0, 1, 2], [1, 2, 0, 0, 0]),
    ('empty', [], [0, 0, 0, 0, 0], [0, 0, 0, 0, 0]),
]


@pytest.mark.parametrize('name, ids, hard, bonus', TABLE)
def test_truth_table(name, ids, hard, bonus):
    queries = make_queries([0.1, 0.5, 0.9, 0.52, 0.88])
    persons = make_persons([0.1, 0.5, 0.9][: len(ids)], ids)
    previous = [7, 8, -1, -1, -1]
    if name == 'no identity known':
        queries.keypoints[3] = 0.12
        queries.keypoints[4] = 0.52
    is_track = torch.tensor([True, True, True, False, False])
    answer = assign(
        make_assigner(mode='hard'),
        queries,
        persons,
        previous,
        is_track=is_track,
    )
    assert answer == hard
    answer = assign(
        make_assigner(track_bonus=-50.0),
        queries,
        persons,
        previous,
        is_track=is_track,
    )
    assert answer == bonus


@pytest.mark.parametrize('mode', ['hard', 'bonus'])
def test_without_tracks_it_is_the_stock_assigner(mode):
    queries = make_queries([0.9, 0.1, 0.5])
    persons = make_persons([0.1, 0.9], [3, 4])
    assigner = make_assigner(mode=mode)
    dropped = assign(assigner, queries, persons, [-1, -1, -1])
    stock = assigner.assign(queries, persons, SHAPE).gt_inds.tolist()
    assert dropped == stock == [2, 1, 0]


def test_a_bonus_is_overruled_by_a_large_distance_only():
    # 70 * distance against 10: the limit is at a seventh of the input
    for distance, expected in [(0.14, [1, 0]), (0.15, [0, 1])]:
        queries = make_queries([0.3 + distance, 0.3])
        persons = make_persons([0.3], [6])
        assert assign(make_assigner(), queries, persons, [6, -1]) == expected
    strong = make_assigner(track_bonus=-50.0)
    assert assign(strong, queries, persons, [6, -1]) == [1, 0]


def test_hard_identities_ignore_the_distance():
    queries = make_queries([0.99, 0.3])
    persons = make_persons([0.3], [6])
    hard = make_assigner(mode='hard')
    assert assign(hard, queries, persons, [6, -1]) == [1, 0]


@pytest.mark.parametrize('mode', ['hard', 'bonus'])
def test_padding_gets_nothing(mode):
    queries = make_queries([0.3, 0.3, 0.6])
    persons = make_persons([0.3], [6])
    valid = torch.tensor([False, True, True])
    assigner = make_assigner(mode=mode)
    answer = assign(assigner, queries, persons, [6, -1, -1], query_valid=valid)
    assert answer == [-1, 1, 0]
    empty = make_persons([], [])
    answer = assign(assigner, queries, empty, [6, -1, -1], query_valid=valid)
    assert answer == [-1, 0, 0]


@pytest.mark.parametrize('mode', ['hard', 'bonus'])
def test_an_identity_that_occurs_twice_is_used_once(mode):
    queries = make_queries([0.3, 0.3, 0.8])
    persons = make_persons([0.3, 0.8], [6, 6])
    assigner = make_assigner(mode=mode, track_bonus=-50.0)
    answer = assign(assigner, queries, persons, [6, 6, -1])
    assert answer == [1, 0, 2]


def test_more_persons_than_queries():
    queries = make_queries([0.8])
    persons = make_persons([0.3, 0.8], [1, 2])
    assert assign(make_assigner(), queries, persons, [-1]) == [2]
    hard = make_assigner(mode='hard')
    assert assign(hard, queries, persons, [1]) == [1]


def test_options_are_checked():
    with pytest.raises(ValueError, match="'bonus' or 'hard'"):
        make_assigner(mode='soft')
    with pytest.raises(ValueError, match='must not be positive'):
        make_assigner(track_bonus=10.0)
