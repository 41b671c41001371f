# Copyright (c) cape_mm contributors. All rights reserved.
"""What pipelines share, and how datasets are built from their configs."""

from __future__ import annotations

from typing import Callable, Sequence

import numpy as np
from mmengine.config import Config
from mmengine.registry import DATASETS, DefaultScope
from mmpose.registry import TRANSFORMS
from torch.utils.data import Dataset

from cape_mm.errors import DataError


def build_transforms(
    pipeline: Sequence[dict | Callable],
) -> list[Callable]:
    """Build the transforms of a pipeline, whatever the default scope.

    Bare names mean MMPose's transforms, ours are called ``cape_mm.X``. That
    holds in a plain script, too, where no default scope was set.

    Args:
        pipeline (Sequence[dict | Callable]): Configs or built transforms.

    Returns:
        list[Callable]: Built transforms, ready for MMEngine's ``Compose``.
    """
    with DefaultScope.overwrite_default_scope('mmpose'):
        return [
            TRANSFORMS.build(step) if isinstance(step, dict) else step
            for step in pipeline
        ]


def get_generator(
    results: dict, transform: str, key: str = 'rng'
) -> np.random.Generator:
    """Take the random generator of a sample from the results.

    Args:
        results (dict): Results of the pipeline so far.
        transform (str): Name of the transform, for the error.
        key (str): ``'rng'``, whose state goes on from image to image, or
            ``'episode_rng'``, which is equal for all members of an episode.

    Returns:
        np.random.Generator: The generator.

    Raises:
        KeyError: If there is none.
    """
    if key not in results:
        raise KeyError(
            f"{transform} draws from results['{key}'], which is missing: use "
            'it in the pipeline of one of the datasets of episodes or clips '
            'of cape_mm, or set a np.random.Generator before'
        )
    return results[key]


def build_dataset(cfg: Config, mode: str = 'test') -> Dataset:
    """Build a dataset of a config.

    Args:
        cfg (Config): Whole config.
        mode (str): ``'train'``, ``'val'`` or ``'test'``. Defaults to 'test'.

    Returns:
        Dataset: Loaded and checked.

    Raises:
        DataError: If the config has no such dataset.
    """
    loader = cfg.get(f'{mode}_dataloader')
    if not loader:
        raise DataError(f'the config has no {mode}_dataloader')
    scope = cfg.get('default_scope') or 'mmpose'
    with DefaultScope.overwrite_default_scope(scope):
        return DATASETS.build(loader['dataset'])


def spread_indices(total: int, count: int | None = None) -> list[int]:
    """Choose indices evenly, so that all categories of a list have a share.

    Args:
        total (int): Length of the list.
        count (int, optional): Number of indices. Defaults to all.

    Returns:
        list[int]: Ascending, without repetition.
    """
    if count is None or count >= total:
        return list(range(total))
    return [int(i) for i in np.arange(count) * total // count]
