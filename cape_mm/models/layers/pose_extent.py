# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from torch import Tensor


def pose_extent(poses: Tensor) -> Tensor:
    """Width and height of the tight boxes of poses.

    Args:
        poses (Tensor): (..., K, 2).

    Returns:
        Tensor: (..., 2), in the units of the poses.
    """
    return poses.amax(dim=-2) - poses.amin(dim=-2)
