# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch

from cape_mm.models.layers import grid_points
from cape_mm.models.layers.cape import SpringModel, connect_keypoints


def brute_force(model, logits, offsets, edges):
    """Marginals (K, H * W) by enumeration, for a model without breaking."""
    num_keypoints, height, width = logits.shape
    cells = grid_points(height, width, 'cpu', torch.float64)
    evidence = logits.flatten(1).double()
    turns, shares = model.turns.double(), model.shares.double()
    pairs = []
    for offset in offsets.double():
        sigma = model.length_share * offset.norm() + model.min_sigma
        error = cells[None, :, None] - cells[:, None, None]
        error = error - (turns @ offset)
        weight = (-error.square().sum(-1) / (2 * sigma**2)).exp()
        pairs.append((weight * shares).sum(-1))  # (from, to)
    total = torch.zeros(num_keypoints, height * width, dtype=torch.float64)
    for state in itertools.product(
        range(height * width), repeat=num_keypoints
    ):
        log = sum(evidence[k, cell] for k, cell in enumerate(state))
        weight = math.exp(log)
        for (one, other), pair in zip(edges.tolist(), pairs):
            weight *= float(pair[state[one], state[other]])
        for k, cell in enumerate(state):
            total[k, cell] += weight
    return total / total.sum(1, keepdim=True)


@pytest.mark.parametrize('edges', [[[0, 1], [1, 2]], [[2, 0], [1, 2]]])
def test_beliefs_of_a_chain_are_the_marginals_by_enumeration(edges):
    torch.manual_seed(0)
    model = SpringModel(
        length_share=0.5,
        min_sigma=0.2,
        angles=(-30.0, 0.0, 30.0),
        break_share=0.0,
    )
    logits = torch.randn(3, 3, 4)
    offsets = torch.tensor([[0.3, 0.1], [-0.2, 0.3]])
    edges = torch.tensor(edges)
    belief = model(logits[None], offsets[None], edges)[0]
    found = belief.flatten(1).softmax(-1).double()
    expected = brute_force(model, logits, offsets, edges)
    assert torch.allclose(found, expected, atol=1e-4)


def test_without_springs_the_evidence_is_the_belief():
    logits = torch.randn(2, 3, 8, 8)
    belief = SpringModel()(
        logits, torch.zeros(2, 0, 2), torch.zeros(0, 2, dtype=torch.long)
    )
    assert torch.equal(belief, logits)


def make_chain(count=4, side=12):
    torch.manual_seed(0)
    logits = 3 * torch.randn(2, count, side, side)
    points = torch.rand(2, count, 2)
    edges = torch.tensor([[k, k + 1] for k in range(count - 1)])
    offsets = points[:, edges[:, 1]] - points[:, edges[:, 0]]
    return logits, offsets, edges


def test_a_permutation_of_the_keypoints_permutes_the_beliefs():
    logits, offsets, edges = make_chain()
    belief = SpringModel()(logits, offsets, edges)
    order = torch.tensor([2, 0, 3, 1])  # new place -> old keypoint
    renamed = order.argsort()[edges]
    permuted = SpringModel()(logits[:, order], offsets, renamed)
    assert torch.allclose(permuted, belief[:, order], atol=1e-4)


def test_the_direction_and_order_of_edges_do_not_matter():
    logits, offsets, edges = make_chain()
    belief = SpringModel()(logits, offsets, edges)
    reverse = SpringModel()(logits, -offsets.flip(1), edges.flip(0, 1))
    assert torch.allclose(belief, reverse, atol=1e-4)


def test_a_certain_neighbour_decides_between_equal_peaks():
    logits = torch.zeros(1, 2, 16, 16)
    logits[0, 0, 8, 4] = 30
    logits[0, 1, 8, 9] = logits[0, 1, 2, 14] = 10
    offset = torch.tensor([[[5 / 16, 0.0]]])
    edges = torch.tensor([[0, 1]])
    belief = SpringModel()(logits, offset, edges)
    assert belief[0, 1].argmax() == 8 * 16 + 9
    # a limb that is turned by 40 degrees keeps its length
    turned = torch.tensor([[[5 / 16, 0.0]]]) @ torch.tensor(
        [[0.766, 0.643], [-0.643, 0.766]]
    )
    assert SpringModel()(logits, turned, edges)[0, 1].argmax() == 8 * 16 + 9


def test_a_spring_breaks_for_strong_evidence_elsewhere():
    logits = torch.zeros(1, 2, 16, 16)
    logits[0, 0, 8, 2] = 30
    logits[0, 1, 8, 14] = 30
    belief = SpringModel()(
        logits, torch.tensor([[[2 / 16, 0.0]]]), torch.tensor([[0, 1]])
    )
    assert belief[0, 1].argmax() == 8 * 16 + 14


@pytest.mark.parametrize('scale', [0.0, 1.0, 200.0])
def test_beliefs_are_finite_on_loops_and_whatever_the_evidence(scale):
    logits, _, _ = make_chain()
    edges = torch.tensor([[0, 1], [1, 2], [2, 3], [3, 0], [0, 2]])
    offsets = torch.zeros(2, 5, 2)
    offsets[:, 0] = 3.0  # farther than the map
    assert SpringModel()(scale * logits, offsets, edges).isfinite().all()


def connect(points, edges=(), labelled=None):
    points = np.array([points], np.float32)
    valid = np.ones(points.shape[:2], bool)
    if labelled is not None:
        valid[:] = labelled
    adjacency = np.zeros((points.shape[1],) * 2, bool)
    for one, other in edges:
        adjacency[one, other] = adjacency[other, one] = True
    found = connect_keypoints(points * valid[..., None], valid, adjacency)
    assert found.dtype == np.int64 and found.shape[1] == 2
    return sorted(map(tuple, np.sort(found, axis=1).tolist()))


LINE = [[0.1, 0.5], [0.9, 0.5], [0.3, 0.5], [0.6, 0.5]]


def test_without_skeleton_the_shortest_tree_connects_all():
    assert connect(LINE) == [(0, 2), (1, 3), (2, 3)]


def test_edges_of_the_skeleton_stay_and_the_rest_is_added():
    points = [[0.1, 0.5], [0.9, 0.5], [0.3, 0.5], [0.65, 0.5]]
    assert connect(points, [(0, 1)]) == [(0, 1), (0, 2), (1, 3)]
    ring = [(0, 1), (1, 2), (2, 3), (3, 0)]
    assert connect(LINE, ring) == sorted(tuple(sorted(e)) for e in ring)


def test_unlabelled_keypoints_have_no_edge():
    assert connect(LINE, [(0, 2), (2, 3)], [True, True, False, True]) == [
        (0, 3),
        (1, 3),
    ]


def test_nothing_connects_one_keypoint_or_none():
    assert connect(LINE[:1]) == []
    assert connect(LINE, labelled=[False, True, False, False]) == []
    assert connect(LINE, labelled=[False] * 4) == []


def test_coincident_keypoints_are_connected_too():
    edges = connect([[0.5, 0.5]] * 3 + [[0.6, 0.5]])
    assert len(edges) == 3
    assert {end for edge in edges for end in edge} == {0, 1, 2, 3}


def test_places_are_means_of_the_shots_that_label_a_keypoint():
    points = np.array([LINE[:3], np.array(LINE[:3])], np.float32)
    points[1, 1] = 0  # not labelled in the second shot
    valid = np.array([[True] * 3, [True, False, True]])
    edges = connect_keypoints(points, valid, np.zeros((3, 3), bool))
    assert sorted(map(tuple, edges.tolist())) == [(0, 2), (1, 2)]
