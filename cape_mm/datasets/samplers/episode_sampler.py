# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import math
from typing import Iterator, Sized

from mmengine.dist import get_dist_info, sync_random_seed
from torch.utils.data import Sampler

from cape_mm.registry import DATA_SAMPLERS
from cape_mm.structures import EpisodeIndex


@DATA_SAMPLERS.register_module()
class EpisodeSampler(Sampler):
    """Numbers the episodes of an epoch; each epoch has its own.

    The ranks take turns: together they give the episodes that one rank alone
    would give. The epoch comes from MMEngine's ``DistSamplerSeedHook``, so a
    resumed run continues with the episodes of an uninterrupted one, provided
    that the seed is the same (set ``randomness=dict(seed=...)``).

    Args:
        dataset (Sized): Its length is the number of episodes per epoch.
        seed (int, optional): Seed of the episodes, equal on all ranks.
            Without it, one is drawn and shared. Defaults to None.
        round_up (bool): Whether ranks repeat the first episodes so that all
            have the same number. Defaults to True.
    """

    def __init__(
        self,
        dataset: Sized,
        seed: int | None = None,
        round_up: bool = True,
    ) -> None:
        self.rank, self.world_size = get_dist_info()
        self.dataset = dataset
        self.seed = sync_random_seed() if seed is None else seed
        self.round_up = round_up
        self.epoch = 0

    def __iter__(self) -> Iterator[EpisodeIndex]:
        num_episodes = len(self.dataset)
        total = num_episodes
        if self.round_up:
            total = len(self) * self.world_size
        for number in range(self.rank, total, self.world_size):
            yield EpisodeIndex(self.seed, self.epoch, number % num_episodes)

    def __len__(self) -> int:
        """Number of episodes of this rank."""
        num_episodes = len(self.dataset)
        if not self.round_up:
            num_episodes -= self.rank
        return max(0, math.ceil(num_episodes / self.world_size))

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch.

        Args:
            epoch (int): Number of the epoch, from 0.
        """
        self.epoch = epoch
