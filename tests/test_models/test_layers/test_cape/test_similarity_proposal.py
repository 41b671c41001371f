# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import torch
from torch.testing import assert_close

from cape_mm.models.layers import grid_points
from cape_mm.models.layers.cape import SimilarityProposal


def read_out(logits, height, width, window=1):
    layer = SimilarityProposal(8, window=window)
    grid = grid_points(height, width, logits.device, logits.dtype)
    return layer._read_out(logits, grid, width)


def test_a_sharp_peak_is_its_cell():
    logits = torch.zeros(1, 1, 12)
    logits[0, 0, 6] = 50  # row 1, column 2 of 3 x 4
    points, scores = read_out(logits, 3, 4)
    assert_close(points[0, 0], torch.tensor([2.5 / 4, 1.5 / 3]))
    assert_close(scores, torch.ones(1, 1))


def test_two_equal_neighbours_meet_in_the_middle():
    logits = torch.zeros(1, 1, 12)
    logits[0, 0, [5, 6]] = 50
    points, _ = read_out(logits, 3, 4)
    assert_close(points[0, 0], torch.tensor([0.5, 0.5]))


def test_a_second_peak_outside_the_window_does_not_pull():
    logits = torch.zeros(1, 1, 64)
    logits[0, 0, 9], logits[0, 0, 54] = 50, 49
    points, scores = read_out(logits, 8, 8)
    assert_close(points[0, 0], torch.tensor([1.5 / 8, 1.5 / 8]))
    assert 0.7 < scores.item() < 0.75


def test_the_window_does_not_wrap_around_rows():
    logits = torch.zeros(1, 1, 16)
    logits[0, 0, 7], logits[0, 0, 8] = 50, 49  # end of a row, start of next
    points, _ = read_out(logits, 4, 4)
    assert_close(points[0, 0], torch.tensor([3.5 / 4, 1.5 / 4]))


def test_proposals_carry_no_gradient_but_maps_do():
    layer = SimilarityProposal(8)
    proposal = layer(torch.randn(2, 3, 8), torch.randn(2, 8, 4, 6))
    assert proposal.logits.shape == (2, 3, 24)
    assert proposal.map_size == (4, 6)
    assert proposal.logits.requires_grad
    assert not proposal.points.requires_grad
