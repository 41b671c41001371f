# Copyright (c) cape_mm contributors. All rights reserved.
"""Datasets and models of a config, for tools that show single samples."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import Callable, Sequence

import mmcv
import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.model import BaseModel
from mmengine.registry import DATASETS, DefaultScope
from torch.utils.data import Dataset

from cape_mm.apis import load_estimator
from cape_mm.datasets.pipeline import spread_indices
from cape_mm.datasets.samplers import SampleIndex
from cape_mm.errors import DataError
from cape_mm.structures import EpisodeDataSample

from .launch import read_config


def browse(
    args: Namespace,
    name: str,
    draw: Callable[[dict, Dataset], np.ndarray],
) -> None:
    """Draw samples of a config's dataset as the model gets them, in RGB.

    ``name`` is a file name without suffix, a format string of ``mode``,
    ``number`` and ``sample``.
    """
    cfg = read_config(args)
    dataset = build_dataset(cfg, args.mode)
    print(dataset.describe())
    seed = (cfg.get('randomness') or {}).get('seed') or 0
    for number in spread_indices(len(dataset), args.num):
        index = number
        if args.mode == 'train':
            index = SampleIndex(seed, args.epoch, number)
        sample = dataset[index]
        stem = name.format(
            mode=args.mode, number=number, sample=sample['data_samples']
        )
        image = draw(sample, dataset)
        mmcv.imwrite(image[..., ::-1], str(Path(args.out_dir) / f'{stem}.png'))
    print(f'Images are in {args.out_dir}')


def build_dataset(cfg: Config, mode: str = 'test') -> Dataset:
    """Dataset of the train, val or test loader (``mode``) of a config."""
    loader = cfg.get(f'{mode}_dataloader')
    if not loader:
        raise DataError(f'the config has no {mode}_dataloader')
    scope = cfg.get('default_scope') or 'mmpose'
    with DefaultScope.overwrite_default_scope(scope):
        return DATASETS.build(loader['dataset'])


def load_episode_model(
    cfg: Config, checkpoint: str, device: str | None
) -> BaseModel:
    """Model that skips the second, teacher-forced pass of the test."""
    model = load_estimator(cfg, checkpoint, device)
    model.test_cfg.update(teacher_forced=False)
    return model


@torch.no_grad()
def predict_samples(
    model: BaseModel, samples: Sequence[dict]
) -> list[EpisodeDataSample]:
    """Predict samples of an episode dataset, which stay, as one batch."""
    return model.test_step(pseudo_collate(list(samples)))
