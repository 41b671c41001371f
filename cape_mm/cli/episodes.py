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
from mmengine.registry import DATASETS, MODELS, DefaultScope, Registry
from torch.utils.data import Dataset

from cape_mm.apis import load_estimator
from cape_mm.checks.training_config import find_class
from cape_mm.datasets.datasets import EpisodeDataset
from cape_mm.datasets.pipeline import spread_indices
from cape_mm.datasets.samplers import SampleIndex
from cape_mm.errors import DataError, UsageError
from cape_mm.models.pose_estimators import CapeEstimator
from cape_mm.structures import EpisodeDataSample

from .launch import read_config


def browse(
    args: Namespace,
    name: str,
    draw: Callable[[dict, Dataset], np.ndarray],
    kind: type = EpisodeDataset,
) -> None:
    """Draw samples of a config's dataset as the model gets them, in RGB.

    ``kind`` is the class of the dataset; ``name`` is a file name without
    suffix, a format string of ``mode``, ``number`` and ``sample``.
    """
    cfg = read_config(args)
    dataset = build_dataset(cfg, args.mode, kind)
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


def build_dataset(
    cfg: Config, mode: str = 'test', kind: type = EpisodeDataset
) -> Dataset:
    """Dataset, of a class, of a config's train, val or test loader."""
    loader = cfg.get(f'{mode}_dataloader')
    if not loader:
        raise DataError(f'the config has no {mode}_dataloader')
    scope = cfg.get('default_scope') or 'mmpose'
    with DefaultScope.overwrite_default_scope(scope):
        require_kind(DATASETS, loader['dataset'], kind, cfg)
        return DATASETS.build(loader['dataset'])


def require_kind(
    registry: Registry, config: dict, kind: type, cfg: Config
) -> None:
    """Refuse a part that is not of the class a tool is for."""
    config = config or {}
    found = find_class(registry, config)
    if found is None and 'type' in config:
        return  # not registered: building it says so
    if not isinstance(found, type) or not issubclass(found, kind):
        name = getattr(found, '__name__', 'nothing of the kind')
        raise UsageError(
            f'{cfg.filename} has {name}, this tool needs a config with '
            f'{kind.__name__}'
        )


def load_episode_model(
    cfg: Config, checkpoint: str, device: str | None
) -> BaseModel:
    """Model that skips the second, teacher-forced pass of the test."""
    require_kind(MODELS, cfg.get('model'), CapeEstimator, cfg)
    model = load_estimator(cfg, checkpoint, device)
    model.test_cfg.update(teacher_forced=False)
    return model


@torch.no_grad()
def predict_samples(
    model: BaseModel, samples: Sequence[dict]
) -> list[EpisodeDataSample]:
    """Predict samples of an episode dataset, which stay, as one batch."""
    return model.test_step(pseudo_collate(list(samples)))
