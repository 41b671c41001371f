# Copyright (c) cape_mm contributors. All rights reserved.
"""Whether pretrained weights arrive where they belong.

Only files that are there already are read, and nothing in them is run.
"""

from __future__ import annotations

import os.path as osp
from typing import Iterator

import torch

from ..rule import CONFIG_RULES, brief
from ..training_config import TrainingConfig
from .model import dry_model

_LEAST_MATCH = 0.8
_PARTS = ('backbone', 'neck', 'head')


@CONFIG_RULES.error(
    "Add prefix='backbone.' to init_cfg: of a whole model, no name matches "
    'otherwise, MMEngine only warns, and the part starts at random.'
)
def backbone_prefix(config: TrainingConfig) -> Iterator[str]:
    """A whole model loaded into a part without ``prefix``."""
    for part, init in _pretrained_parts(config):
        if init.get('prefix'):
            continue
        path = str(init['checkpoint'])
        weights = _read(path)
        if weights is None:
            # an address of OpenMMLab: that of a trained pose model?
            is_whole = '/mmpose/' in path and 'pretrain' not in path
        else:
            is_whole = any(name.startswith(f'{part}.') for name in weights)
        if is_whole:
            yield (
                f'model.{part}.init_cfg loads {osp.basename(path)}, a whole '
                'model, without prefix'
            )


@CONFIG_RULES.error(
    'Load a checkpoint of this architecture, with the right prefix: what does '
    'not match stays random.'
)
def checkpoint_match(config: TrainingConfig) -> Iterator[str]:
    """Less than 80 % of the weights found in a file."""
    model = dry_model(config)
    if model is None:
        return
    loads = [
        (f'model.{part}.init_cfg', str(init['checkpoint']), f'{part}.', init)
        for part, init in _pretrained_parts(config)
    ]
    if config.cfg.get('load_from'):
        loads.append(('load_from', str(config.cfg['load_from']), '', {}))
    for place, path, lead, init in loads:
        try:
            weights = _read(path, must_exist=True)
        except Exception as error:
            yield f'{place}: {path} cannot be read: {brief(error)}'
            continue
        if weights is None:
            continue
        prefix = init.get('prefix') or ''
        expected = {
            prefix + name[len(lead) :]: shape
            for name, shape in model.shapes.items()
            if name.startswith(lead)
        }
        found = sum(
            name in weights and tuple(weights[name].shape) == shape
            for name, shape in expected.items()
        )
        if found < _LEAST_MATCH * len(expected):
            yield (
                f'{place}: {found} of {len(expected)} weights are found in '
                f'{osp.basename(path)}'
            )


@CONFIG_RULES.warning(
    'Load the backbone only (init_cfg with a prefix): a final layer of other '
    'landmarks has the right size, and the wrong meaning.'
)
def foreign_final_layer(config: TrainingConfig) -> Iterator[str]:
    """A final layer of other landmarks with the right size."""
    path = str(config.cfg.get('load_from') or '')
    table = config.table('train', schema=True)
    model = dry_model(config)
    if not osp.isfile(osp.expanduser(path)):
        return
    if table is None or model is None:
        return
    checkpoint = _load(path)
    weights = checkpoint.get('state_dict', checkpoint)
    meta = (checkpoint.get('meta') or {}).get('dataset_meta') or {}
    theirs, ours = meta.get('dataset_name'), table.schema.name
    for name, shape in model.shapes.items():
        if not name.startswith('head.final_layer.') or name not in weights:
            continue
        if tuple(weights[name].shape) == shape and theirs != ours:
            yield (
                f'load_from: {name} is that of {theirs or "unknown data"}, '
                f'the landmarks here are those of {ours}'
            )
            return


def _pretrained_parts(config: TrainingConfig) -> Iterator[tuple[str, dict]]:
    for part in _PARTS:
        init = (config.model.get(part) or {}).get('init_cfg') or {}
        if isinstance(init, dict) and init.get('type') == 'Pretrained':
            yield part, init


def _read(
    path: str, must_exist: bool = False
) -> dict[str, torch.Tensor] | None:
    """Weights of a file; None if it would have to be fetched."""
    if '://' in path:
        name = osp.basename(path)
        path = osp.join(torch.hub.get_dir(), 'checkpoints', name)
        must_exist = False
    if not must_exist and not osp.isfile(osp.expanduser(path)):
        return None
    checkpoint = _load(path)
    return checkpoint.get('state_dict', checkpoint)


def _load(path: str) -> dict:
    return torch.load(
        osp.expanduser(path), map_location='cpu', weights_only=True
    )
