# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from typing import Iterator, NamedTuple, Sized

from mmengine.dataset import DefaultSampler

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
class SeededSampler(DefaultSampler):
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
        super().__init__(dataset, False, seed, round_up)

    def __iter__(self) -> Iterator[SampleIndex]:
        """Go through the samples of this rank."""
        for number in range(self.rank, self.total_size, self.world_size):
            yield SampleIndex(
                self.seed, self.epoch, number % len(self.dataset)
            )
