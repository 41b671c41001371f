# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import pytest
import torch

from cape_mm.models.layers.pavenet import ClipMemory, MapSampling

SHAPE = (6, 8)


@pytest.fixture
def memory():
    """Two clips of 3 frames; the second one fills 3/4 of the width."""
    torch.manual_seed(0)
    valid = torch.ones(2, 48, 64, dtype=torch.bool)
    valid[1, :, 48:] = False
    memory = ClipMemory.assemble(torch.zeros(2, 3, 48, 1), valid, [SHAPE])
    return memory._replace(maps=torch.randn(2, 3, 4, *SHAPE))


@pytest.fixture
def poses():
    """The middle of column 4, row 2 of the padded map."""
    poses = torch.tensor([4.5 / 8, 2.5 / 6]).expand(2, 5, 3, 4, 2).clone()
    poses[1, ..., 0] /= 0.75
    return poses


def test_a_keypoint_samples_its_own_map_around_its_location(memory, poses):
    sampled = MapSampling(4, radius=1)(poses, memory).patches
    sampled = sampled.unflatten(-1, (3, 3))
    expected = memory.maps[..., 1:4, 3:6]
    assert torch.allclose(
        sampled, expected[:, None].expand_as(sampled), atol=1e-5
    )


def test_a_keypoint_moves_to_the_peak_of_its_map(memory, poses):
    """A peak one column to the right and two rows up, in each clip."""
    maps = torch.full_like(memory.maps, -50.0)
    maps[..., 0, 5] = 50.0
    sampled = MapSampling(4, radius=2)(poses, memory._replace(maps=maps))
    found = poses + sampled.offsets
    found[1, ..., 0] *= 0.75
    expected = torch.tensor([5.5 / 8, 0.5 / 6])
    assert torch.allclose(found, expected.expand_as(found), atol=1e-5)
    assert (sampled.offsets.abs() <= sampled.reach + 1e-6).all()


def test_a_flat_map_leaves_keypoints_where_they_are(memory, poses):
    memory = memory._replace(maps=torch.zeros_like(memory.maps))
    offsets = MapSampling(4, radius=2)(poses, memory).offsets
    assert offsets.abs().max() < 1e-6


def test_distant_cells_can_count_less(memory, poses):
    """Two equal peaks, one cell to the right and two up: the near one wins."""
    maps = torch.full_like(memory.maps, -50.0)
    maps[..., 2, 5] = maps[..., 0, 4] = 50.0
    memory = memory._replace(maps=maps)
    sampler = MapSampling(4, radius=2)
    cell = sampler(poses, memory).reach / 2
    both = sampler(poses, memory).offsets / cell
    assert torch.allclose(
        both, torch.tensor([0.5, -1.0]).expand_as(both), atol=1e-4
    )
    torch.nn.init.constant_(sampler.nearness, 10.0)
    near = sampler(poses, memory).offsets / cell
    assert torch.allclose(
        near, torch.tensor([1.0, 0.0]).expand_as(near), atol=1e-4
    )


def test_errors_of_keypoints_train_the_maps(memory, poses):
    maps = memory.maps.requires_grad_()
    sampler = MapSampling(4, radius=1)
    offsets = sampler(poses, memory._replace(maps=maps)).offsets
    offsets.square().sum().backward()
    assert maps.grad.abs().sum() > 0
    assert (sampler.sharpness.grad != 0).all()
    assert (sampler.nearness.grad != 0).all()
