# Copyright (c) cape_mm contributors. All rights reserved.
"""Episodes of a config for tools that look at a model from outside."""

from __future__ import annotations

from typing import Iterator, Sequence

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.model import BaseModel
from mmengine.registry import DATASETS, DefaultScope
from torch.utils.data import Dataset

from cape_mm.errors import DataError
from cape_mm.structures import EpisodeDataSample


def build_dataset(cfg: Config, mode: str = 'test') -> Dataset:
    """Build the episodes of a config.

    Args:
        cfg (Config): Whole config.
        mode (str): ``'train'``, ``'val'`` or ``'test'``.

    Returns:
        Dataset: Loaded and checked.

    Raises:
        DataError: If the config has no such data.
    """
    loader = cfg.get(f'{mode}_dataloader')
    if not loader:
        raise DataError(f'the config has no {mode}_dataloader')
    scope = cfg.get('default_scope') or 'mmpose'
    with DefaultScope.overwrite_default_scope(scope):
        return DATASETS.build(loader['dataset'])


def spread_indices(total: int, wanted: int | None = None) -> list[int]:
    """Choose indices evenly, so that all categories of a list have a share.

    Args:
        total (int): Length of the list.
        wanted (int, optional): How many. Defaults to all.

    Returns:
        List[int]: Ascending, without repetition.
    """
    if wanted is None or wanted >= total:
        return list(range(total))
    return [int(i) for i in np.arange(wanted) * total // wanted]


@torch.no_grad()
def predict_items(
    model: BaseModel, items: Sequence[dict]
) -> list[EpisodeDataSample]:
    """Predict items of an episode dataset as one batch.

    Args:
        model (BaseModel): In evaluation mode.
        items (Sequence[dict]): Are not changed.

    Returns:
        List[EpisodeDataSample]: New episodes with predictions.
    """
    return model.test_step(pseudo_collate(list(items)))


def iterate_batches(
    dataset: Dataset, indices: Sequence[int], batch_size: int
) -> Iterator[tuple[list[int], list[dict]]]:
    """Load items batch by batch.

    Args:
        dataset (Dataset): Episodes.
        indices (Sequence[int]): Which.
        batch_size (int): How many at once.

    Yields:
        tuple: Indices and items of a batch.
    """
    for start in range(0, len(indices), batch_size):
        chosen = list(indices[start : start + batch_size])
        yield chosen, [dataset[index] for index in chosen]
