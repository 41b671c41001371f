# Copyright (c) cape_mm contributors. All rights reserved.
"""Ways to break ``sound_cephalometric_config.py``."""

from __future__ import annotations

from mmengine.config import Config

# places in the pipeline of training
AFFINE, GENERATE = 3, 4


def pipeline(cfg: Config, split: str) -> list[dict]:
    """The transforms of a split, to be changed."""
    return cfg[f'{split}_dataloader'].dataset.pipeline


def set_codec(cfg: Config, **values) -> None:
    """Change encoder and decoder alike."""
    for codec in (
        pipeline(cfg, 'train')[GENERATE].encoder,
        cfg.model.head.decoder,
    ):
        codec.update(values)


def set_input(cfg: Config, size: tuple[int, int]) -> None:
    """Change the size of the input everywhere."""
    for split in ('train', 'val', 'test'):
        for transform in pipeline(cfg, split):
            if transform.type == 'TopdownAffine':
                transform.input_size = size
    set_codec(cfg, input_size=size)
