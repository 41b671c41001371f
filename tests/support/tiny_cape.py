# Copyright (c) cape_mm contributors. All rights reserved.
"""Data, config file and checkpoint of a tiny model, to use as a user does."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import torch
from mmengine.config import Config
from mmengine.registry import MODELS, DefaultScope

from cape_mm.datasets.synthetic import write_creatures

CONFIG = Path(__file__).resolve().parent / 'tiny_cape_config.py'


class TinyCape(NamedTuple):
    root: Path
    config: Path
    checkpoint: Path


def write_tiny_cape(folder: Path) -> TinyCape:
    """Write everything; the weights are random, none of them zero.

    Test episodes show two queries of one of three categories.
    """
    tiny = TinyCape(
        folder / 'creatures', folder / 'tiny.py', folder / 'tiny.pth'
    )
    write_creatures(
        tiny.root, train=(2, 4), val=(2, 3), test=(3, 4), image_size=64
    )
    lines = [f'_base_ = [{str(CONFIG)!r}]']
    for mode in ('train', 'val', 'test'):
        file = f'annotations/mp100_split1_{mode}.json'
        dataset = dict(data_root=str(tiny.root), ann_file=file)
        # val and test are one object in the base config: `test` is new
        change = dict(dataset=dict(dataset=dataset, num_queries=2))
        lines.append(f'{mode}_dataloader = {change!r}')
    tiny.config.write_text('\n'.join(lines))
    cfg = Config.fromfile(str(tiny.config))
    save_weights(cfg, tiny.checkpoint)
    return tiny


def save_weights(cfg: Config, path: Path, seed: int = 0) -> None:
    """Save random weights as MMEngine does."""
    torch.manual_seed(seed)
    with DefaultScope.overwrite_default_scope('mmpose'):
        model = MODELS.build(cfg.model)
    with torch.no_grad():
        for parameter in model.head.parameters():
            # more would amplify rounding from step to step without limit
            size = 0.02 if parameter.any() else 0.1
            parameter.add_(size * torch.randn_like(parameter))
    meta = dict(cfg=cfg.pretty_text)
    torch.save(dict(meta=meta, state_dict=model.state_dict()), path)
