# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import torch

from cape_mm.models.layers.pavenet import PoseProposals


def make_proposals(places, scores, valid=None):
    """Poses of two keypoints, 0.2 apart, at places along x."""
    poses = torch.tensor([[0.0, -0.1], [0.0, 0.1]]) + torch.tensor(
        [[[x, 0.5]] for x in places]
    )
    count = len(places)
    return PoseProposals(
        features=torch.arange(count)[None, :, None].float(),
        logits=torch.tensor([scores]).logit(),
        poses=poses[None],
        sigma=torch.zeros(1, count, 2, 2),
        valid=torch.ones(1, count, dtype=torch.bool)
        if valid is None
        else torch.tensor([valid]),
    )


def chosen(proposals, *args):
    return proposals.best(*args).features[0, :, 0].tolist()


def test_the_best_come_first():
    proposals = make_proposals([0.1, 0.5, 0.9], [0.2, 0.9, 0.5])
    assert chosen(proposals, 2) == [1, 2]
    assert chosen(proposals, 5) == [1, 2, 0]


def test_cells_outside_of_the_image_come_last():
    proposals = make_proposals([0.1, 0.5], [0.9, 0.2], [False, True])
    best = proposals.best(2)
    assert best.valid.tolist() == [[True, False]]


def test_repetitions_of_better_proposals_come_last():
    """0.02 is a tenth of the longer side, 0.06 more than a quarter."""
    proposals = make_proposals([0.50, 0.52, 0.56, 0.90], [0.9, 0.8, 0.7, 0.6])
    assert chosen(proposals, 3) == [0, 1, 2]
    assert chosen(proposals, 3, 0.15) == [0, 2, 3]
    # As many as requested, even if all are alike.
    assert chosen(proposals, 4, 0.15) == [0, 2, 3, 1]


def test_repetitions_are_better_than_cells_outside_of_the_image():
    proposals = make_proposals(
        [0.50, 0.52, 0.1, 0.9],
        [0.9, 0.8, 0.7, 0.6],
        [True, True, False, False],
    )
    assert chosen(proposals, 2, 0.15) == [0, 1]


def test_who_repeats_a_repetition_is_no_repetition():
    proposals = make_proposals([0.50, 0.52, 0.54], [0.9, 0.8, 0.7])
    assert chosen(proposals, 2, 0.15) == [0, 2]


def test_there_is_no_gradient():
    proposals = make_proposals([0.1, 0.5], [0.2, 0.9])
    proposals.poses.requires_grad_()
    assert not any(value.requires_grad for value in proposals.best(1, 0.1))
