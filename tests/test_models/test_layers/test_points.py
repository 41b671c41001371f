# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import torch
from torch.testing import assert_close

from cape_mm.models.layers import (
    CoordinateEmbedding,
    grid_points,
    read_peaks,
    sample_features,
)


def test_cell_centres_read_their_own_cell():
    feature_map = torch.randn(1, 4, 3, 5)
    points = grid_points(3, 5, feature_map.device, feature_map.dtype)
    sampled = sample_features(feature_map, points[None])
    assert_close(sampled[0], feature_map[0].flatten(1).T)


def test_points_are_x_then_y():
    ramp = torch.arange(5.0).expand(1, 1, 3, 5)
    points = torch.tensor([[[0.1, 5 / 6], [0.9, 1 / 6]]])
    assert_close(
        sample_features(ramp, points)[0, :, 0], torch.tensor([0.0, 4])
    )


def test_any_number_of_axes():
    sampled = sample_features(torch.randn(2, 4, 3, 5), torch.rand(2, 6, 7, 2))
    assert sampled.shape == (2, 6, 7, 4)


def test_neighbouring_points_have_neighbouring_embeddings():
    """What a table of coordinate bins cannot offer."""
    torch.manual_seed(0)
    embed = CoordinateEmbedding(32)
    points = torch.rand(200, 2)
    with torch.no_grad():
        near = (embed(points) - embed(points + 1e-3)).norm(dim=-1)
        far = (embed(points) - embed(points.flip(0))).norm(dim=-1)
    assert near.max() < 0.3 * far.mean()


def test_different_points_have_different_embeddings():
    embed = CoordinateEmbedding(32)
    with torch.no_grad():
        x, y = embed(torch.tensor([[0.2, 0.7], [0.7, 0.2]]))
    assert (x - y).abs().max() > 1e-2


def test_grid_points_are_cell_centres_row_by_row():
    grid = grid_points(2, 3, torch.device('cpu'), torch.float32)
    assert torch.allclose(grid[0], torch.tensor([1 / 6, 1 / 4]))
    assert torch.allclose(grid[1], torch.tensor([3 / 6, 1 / 4]))
    assert torch.allclose(grid[5], torch.tensor([5 / 6, 3 / 4]))


def test_a_sharp_peak_is_its_cell():
    logits = torch.zeros(1, 1, 12)
    logits[0, 0, 6] = 50  # row 1, column 2 of 3 x 4
    points, scores = read_peaks(logits.view(1, 1, 3, 4), window=1)
    assert_close(points[0, 0], torch.tensor([2.5 / 4, 1.5 / 3]))
    assert_close(scores, torch.ones(1, 1))


def test_two_equal_neighbours_meet_in_the_middle():
    logits = torch.zeros(1, 1, 12)
    logits[0, 0, [5, 6]] = 50
    points, _ = read_peaks(logits.view(1, 1, 3, 4), window=1)
    assert_close(points[0, 0], torch.tensor([0.5, 0.5]))


def test_a_second_peak_outside_the_window_does_not_pull():
    logits = torch.zeros(1, 1, 64)
    logits[0, 0, 9], logits[0, 0, 54] = 50, 49
    points, scores = read_peaks(logits.view(1, 1, 8, 8), window=1)
    assert_close(points[0, 0], torch.tensor([1.5 / 8, 1.5 / 8]))
    assert 0.7 < scores.item() < 0.75


def test_the_window_does_not_wrap_around_rows():
    logits = torch.zeros(1, 1, 16)
    logits[0, 0, 7], logits[0, 0, 8] = 50, 49  # end of a row, start of next
    points, _ = read_peaks(logits.view(1, 1, 4, 4), window=1)
    assert_close(points[0, 0], torch.tensor([3.5 / 4, 1.5 / 4]))
