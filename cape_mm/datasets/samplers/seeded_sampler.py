# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import math
from typing import Iterator, NamedTuple, Sized

from mmengine.dist import get_dist_info, sync_random_seed
from torch.utils.data import Sampler

from cape_mm.registry import DATA_SAMPLERS


class SampleIndex(NamedTuple):
    """Index of a random sample: equal indices give equal samples anywhere.

    Attributes:
        seed (int): Seed of the run, not negative.
        epoch (int): Epoch from 0; always 0 for validation and test.
        number (int): Number of the sample within the epoch.
    """

    seed: int
    epoch: int
    number: int

    @classmethod
    def resolve(
        cls, index: int | tuple[int, int, int], dataset: Sized
    ) -> SampleIndex:
        """Turn any valid index of a dataset into a :class:`SampleIndex`.

        Args:
            index (int | tuple): Index; an ``int`` ``i`` means
                ``SampleIndex(dataset.seed, 0, i)``.
            dataset (Sized): Dataset with ``seed``.

        Returns:
            SampleIndex: The index.

        Raises:
            IndexError: If an ``int`` is out of range.
        """
        if isinstance(index, tuple):
            return cls(*index)
        if not 0 <= index < len(dataset):
            raise IndexError(
                f'sample {index} of {type(dataset).__name__} does not exist, '
                f'there are {len(dataset)}'
            )
        return cls(dataset.seed, 0, int(index))


@DATA_SAMPLERS.register_module(name=['SeededSampler', 'EpisodeSampler'])
class SeededSampler(Sampler):
    """Numbers the random samples of an epoch; each epoch has its own.

    For datasets whose samples (episodes, clips) are drawn anew for each
    :class:`SampleIndex`. The ranks take turns: together they give the samples
    that one rank alone would give. The epoch comes from MMEngine's
    ``DistSamplerSeedHook``, so a resumed run continues with the samples of an
    uninterrupted one, provided that the seed is the same (set
    ``randomness=dict(seed=...)``). Also registered as ``EpisodeSampler``, its
    name in older configs.

    Args:
        dataset (Sized): Dataset; its length is the number of samples per
            epoch.
        seed (int, optional): Seed of the samples, equal on all ranks. By
            default a random one, shared by all ranks.
        round_up (bool): Whether ranks repeat the first samples so that all
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

    def __iter__(self) -> Iterator[SampleIndex]:
        num_samples = len(self.dataset)
        total = num_samples
        if self.round_up:
            total = len(self) * self.world_size
        for number in range(self.rank, total, self.world_size):
            yield SampleIndex(self.seed, self.epoch, number % num_samples)

    def __len__(self) -> int:
        """Number of samples of this rank."""
        num_samples = len(self.dataset)
        if not self.round_up:
            num_samples -= self.rank
        return max(0, math.ceil(num_samples / self.world_size))

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch.

        Args:
            epoch (int): Number of the epoch, from 0.
        """
        self.epoch = epoch
