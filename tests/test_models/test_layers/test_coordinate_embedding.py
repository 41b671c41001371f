# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import torch

from cape_mm.models.layers import CoordinateEmbedding, grid_points


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
