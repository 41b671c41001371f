# Copyright (c) cape_mm contributors. All rights reserved.
import torch

from cape_mm.models.layers import ClipMemory, MapLookup

SHAPE = (6, 8)


def test_a_joint_sees_its_own_map_around_its_place():
    torch.manual_seed(0)
    maps = torch.randn(2, 3, 4, *SHAPE)
    valid = torch.ones(2, 48, 64, dtype=torch.bool)
    # The second picture fills 3/4 of the width.
    valid[1, :, 48:] = False
    memory = ClipMemory.assemble(torch.zeros(2, 3, 48, 1), valid, [SHAPE])
    memory = memory._replace(maps=maps)
    lookup = MapLookup(1, num_frames=3, radius=1)
    lookup.embed = torch.nn.Identity()
    # The middle of column 4, row 2 of the padded map.
    poses = torch.tensor([4.5 / 8, 2.5 / 6]).expand(2, 5, 3, 4, 2).clone()
    poses[1, ..., 0] /= 0.75
    seen = lookup(poses, memory).view(2, 5, 4, 3, 3, 3)
    wanted = maps[..., 1:4, 3:6].transpose(1, 2)
    assert torch.allclose(seen, wanted[:, None].expand_as(seen), atol=1e-5)
