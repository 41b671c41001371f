# Copyright (c) cape_mm contributors. All rights reserved.
"""Cephalograms, config file and checkpoint of a tiny model, to use as a "
"user does."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import torch
from mmengine.config import Config
from mmengine.registry import MODELS, DefaultScope

from cape_mm.datasets.synthetic import write_cephalograms
from cape_mm.engine.checkpoints import to_plain
from cape_mm.structures import get_schema

CONFIG = Path(__file__).resolve().parent / 'sound_cephalometric_config.py'


class TinyCeph(NamedTuple):
    root: Path
    config: Path
    checkpoint: Path

    @property
    def cephalograms(self):
        """Images of the test images, in the order of their annotations."""
        return sorted((self.root / 'images').glob('test_*'))


def write_tiny_ceph(folder: Path) -> TinyCeph:
    """Write everything; the weights are random."""
    tiny = TinyCeph(
        folder / 'cephalograms', folder / 'tiny.py', folder / 'tiny.pth'
    )
    write_cephalograms(tiny.root, train=4, val=3, test=4, image_height=64)
    lines = [f'_base_ = [{str(CONFIG)!r}]']
    for split in ('train', 'val', 'test'):
        change = dict(dataset=dict(data_root=str(tiny.root)))
        lines.append(f'{split}_dataloader = {change!r}')
    tiny.config.write_text('\n'.join(lines))
    save_weights(Config.fromfile(str(tiny.config)), tiny.checkpoint)
    return tiny


def save_weights(
    cfg: Config, path: Path, schema: str | None = 'cephalogram23', **meta
) -> None:
    """Save random weights as MMEngine does."""
    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope('mmpose'):
        model = MODELS.build(cfg.model)
    with torch.no_grad():
        # maxima that are positive, and clear enough not to move by rounding
        for parameter in model.head.parameters():
            parameter.add_(torch.randn_like(parameter))
        model.head.final_layer.bias.add_(20)
    meta.setdefault('cfg', cfg.pretty_text)
    if schema is not None:
        names = dict(enumerate(get_schema(schema).names))
        meta.setdefault(
            'dataset_meta', dict(schema=schema, keypoint_id2name=names)
        )
    content = dict(meta=to_plain(meta), state_dict=model.state_dict())
    torch.save(content, path)
