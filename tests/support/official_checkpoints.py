# Copyright (c) cape_mm contributors. All rights reserved.
"""Checkpoints as the authors of CAPE methods would have saved them.

The names and shapes are the official ones, the values those of the formula
of :mod:`support.peer_parity`.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from .peer_parity import parameter

_RESNET = (
    'ResNet-50 (one copy; encoder_sample and encoder_query hold the same)'
)
_DINO = 'DINOv2 ViT-S/14 (twice: encoder_sample, encoder_query)'
_TWICE = ('encoder_sample.', 'encoder_query.')
# name of the command line -> head, backbone and its prefixes
PARTS = {
    'capeformer': ('CapeFormer', _RESNET, _TWICE),
    'pomnet': ('POMNet', _RESNET, _TWICE),
    'scape': ('SCAPE', _RESNET, _TWICE[:1]),
    'metapoint': (
        'MetaPoint+ (without ResNet-50, prefix backbone.)',
        _RESNET,
        ('backbone.',),
    ),
    'graphcape-t': ('GraphCape', 'SwinV2-T', ('backbone.',)),
    'graphcape-s': ('GraphCape', 'SwinV2-S', ('backbone.',)),
    'capex-t': ('CapeX', 'SwinV2-T', ('backbone.',)),
    'edgecape-stage1': ('EdgeCape stage 1', _DINO, _TWICE),
    'edgecape-stage2': ('EdgeCape stage 2', _DINO, _TWICE),
    'edgecape-stage3': ('EdgeCape stage 3', _DINO, _TWICE),
}
# pretrained backbones, by the name of the command line
BACKBONES = {
    'dinov2-s': _DINO,
    'swinv2-t': 'SwinV2-T',
    'swinv2-s': 'SwinV2-S',
}


def official_backbone(folder: Path, name: str) -> dict[str, Tensor]:
    """State dict of a pretrained backbone at its official size."""
    layouts = json.loads((folder / 'official_keys.json').read_text('utf-8'))
    return _fill(layouts[BACKBONES[name]]['keys'], '')


def official_state(folder: Path, method: str) -> dict[str, Tensor]:
    """State dict of a method at its official size."""
    layouts = json.loads((folder / 'official_keys.json').read_text('utf-8'))
    head, backbone, prefixes = PARTS[method]
    state = _fill(layouts[head]['keys'], layouts[head]['prefix'])
    if 'stage1' in method:
        for name in state:
            if '.zero_conv.' in name:
                state[name] = torch.zeros_like(state[name])
    features = _fill(layouts[backbone]['keys'], '')
    for prefix in prefixes:
        state.update(
            {prefix + name: value for name, value in features.items()}
        )
    return state


def write_official_checkpoint(
    path: Path, folder: Path, method: str, config: str = ''
) -> Path:
    """Write a file as mmcv 0.x does after training, optimiser included."""
    state = official_state(folder, method)
    first = next(iter(state.values()))
    step = dict(step=1, exp_avg=torch.zeros_like(first))
    torch.save(
        dict(
            meta=dict(
                mmcv_version='1.5.3',
                time='Thu Jul 13 10:00:00 2023',
                epoch=200,
                iter=np.int64(187_600).item(),
                seed=1,
                config=config,
                hook_msgs=dict(last_ckpt='epoch_200.pth'),
            ),
            state_dict=state,
            optimizer=dict(state={0: step}, param_groups=[dict(lr=1e-7)]),
        ),
        path,
    )
    return path


def _fill(shapes: dict[str, list[int]], prefix: str) -> dict[str, Tensor]:
    """Values of the formula; buffers that it leaves out are zeros."""
    state = {}
    for name, shape in shapes.items():
        if name.endswith(('num_batches_tracked', 'relative_position_index')):
            value = torch.zeros(shape, dtype=torch.int64)
        else:
            value = parameter(name, tuple(shape))
        state[prefix + name] = value
    return state
