# Copyright (c) cape_mm contributors. All rights reserved.
"""Datasets and models of a config, for tools that look at single items."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import Callable, Iterator, Sequence

import mmcv
import numpy as np
import torch
from mmengine.dataset import pseudo_collate
from mmengine.model import BaseModel
from torch.utils.data import Dataset

from cape_mm.datasets.pipeline import build_dataset, spread_indices
from cape_mm.datasets.samplers import SampleIndex
from cape_mm.structures import EpisodeDataSample

from .launch import read_config


def browse(
    args: Namespace,
    name: str,
    draw: Callable[[dict, Dataset], np.ndarray],
) -> None:
    """Draw items of a config's dataset as the model gets them.

    Args:
        args (Namespace): See :func:`cape_mm.cli.arguments.add_browsing`.
        name (str): File name without suffix, a format string of ``mode``,
            ``number`` and ``sample``.
        draw (Callable): Draws an item of a dataset, RGB.
    """
    cfg = read_config(args)
    dataset = build_dataset(cfg, args.mode)
    print(dataset.describe())
    seed = (cfg.get('randomness') or {}).get('seed') or 0
    for number in spread_indices(len(dataset), args.num):
        index = number
        if args.mode == 'train':
            index = SampleIndex(seed, args.epoch, number)
        item = dataset[index]
        stem = name.format(
            mode=args.mode, number=number, sample=item['data_samples']
        )
        image = draw(item, dataset)
        mmcv.imwrite(image[..., ::-1], str(Path(args.out_dir) / f'{stem}.png'))
    print(f'Images are in {args.out_dir}')


@torch.no_grad()
def predict_items(
    model: BaseModel, items: Sequence[dict]
) -> list[EpisodeDataSample]:
    """Predict items of an episode dataset as one batch.

    Args:
        model (BaseModel): Model in evaluation mode.
        items (Sequence[dict]): Items; they are not changed.

    Returns:
        list[EpisodeDataSample]: New episodes with predictions.
    """
    return model.test_step(pseudo_collate(list(items)))


def iterate_batches(
    dataset: Dataset, indices: Sequence[int], batch_size: int
) -> Iterator[tuple[list[int], list[dict]]]:
    """Load items batch by batch.

    Args:
        dataset (Dataset): Episodes.
        indices (Sequence[int]): Indices of the items.
        batch_size (int): Items of a batch.

    Yields:
        tuple[list[int], list[dict]]: Indices and items of a batch.
    """
    for start in range(0, len(indices), batch_size):
        chosen = list(indices[start : start + batch_size])
        yield chosen, [dataset[index] for index in chosen]
