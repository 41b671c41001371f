# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import torch

from cape_mm.models.layers.pavenet.pose_queries import sigma_branch


def test_the_branch_of_sigmas_is_not_one_linear_map():
    torch.manual_seed(0)
    branch, x = sigma_branch(8, 2), torch.randn(5, 8)
    bend = branch(x) + branch(-x) - 2 * branch(torch.zeros_like(x))
    assert bend.abs().amin() > 1e-5
