# Copyright (c) cape_mm contributors. All rights reserved.
"""Labels of random episodes."""

from __future__ import annotations

import torch

from cape_mm.structures import EpisodeBatch


def make_episodes(
    num_episodes: int = 2,
    num_shots: int = 1,
    num_queries: int = 1,
    num_keypoints: int = 5,
    seed: int = 0,
) -> EpisodeBatch:
    """Episodes whose keypoints are all visible, without skeleton."""
    generator = torch.Generator().manual_seed(seed)

    def labels(members: int) -> tuple:
        shape = (num_episodes, members, num_keypoints)
        points = torch.rand(*shape, 2, generator=generator)
        return points, torch.ones(shape, dtype=torch.bool)

    shape = (num_episodes, num_keypoints, num_keypoints)
    return EpisodeBatch(
        *labels(num_shots),
        *labels(num_queries),
        torch.zeros(shape, dtype=torch.bool),
        torch.arange(num_keypoints).repeat(num_episodes, 1),
    )
