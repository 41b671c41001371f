# Copyright (c) cape_mm contributors. All rights reserved.
"""What pipelines share, and how datasets are built from their configs."""

from __future__ import annotations

from typing import Callable, Sequence

import numpy as np
from mmcv.transforms import BaseTransform
from mmengine.config import Config
from mmengine.registry import DATASETS, DefaultScope
from mmpose.registry import TRANSFORMS
from torch.utils.data import Dataset

from cape_mm.errors import DataError


def build_transforms(
    pipeline: Sequence[dict | Callable],
) -> list[Callable]:
    """Build the transforms of a pipeline, for MMEngine's ``Compose``.

    Bare names mean MMPose's transforms, ours are called ``cape_mm.X``, also
    in a plain script, where no default scope was set.
    """
    with DefaultScope.overwrite_default_scope('mmpose'):
        return [
            TRANSFORMS.build(step) if isinstance(step, dict) else step
            for step in pipeline
        ]


class SampleTransform(BaseTransform):
    """Base of the transforms; their attributes are their arguments."""

    def generator(
        self, results: dict, key: str = 'rng'
    ) -> np.random.Generator:
        """The random generator of a sample, from the results so far.

        The state of ``'rng'`` goes on from image to image; ``'episode_rng'``
        is equal for all members of an episode.
        """
        if key not in results:
            raise KeyError(
                f"{type(self).__name__} draws from results['{key}'], which is "
                'missing: use it in the pipeline of one of the datasets of '
                'episodes or clips of cape_mm, or set a np.random.Generator '
                'before'
            )
        return results[key]

    def __repr__(self) -> str:
        values = (f'{key}={value!r}' for key, value in vars(self).items())
        return f'{type(self).__name__}({", ".join(values)})'


def build_dataset(cfg: Config, mode: str = 'test') -> Dataset:
    """Dataset of the train, val or test loader (``mode``) of a config."""
    loader = cfg.get(f'{mode}_dataloader')
    if not loader:
        raise DataError(f'the config has no {mode}_dataloader')
    scope = cfg.get('default_scope') or 'mmpose'
    with DefaultScope.overwrite_default_scope(scope):
        return DATASETS.build(loader['dataset'])


def spread_indices(total: int, count: int | None = None) -> list[int]:
    """Ascending indices, spread evenly over a list; all by default."""
    if count is None or count >= total:
        return list(range(total))
    return [int(i) for i in np.arange(count) * total // count]
