# Copyright (c) cape_mm contributors. All rights reserved.
"""Convert an official checkpoint to a file that works at once."""

from __future__ import annotations

import hashlib
import re
from argparse import Namespace
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.registry import MODELS, DefaultScope
from torch import nn

from cape_mm.apis.base_inferencer import HOME, read_checkpoint
from cape_mm.engine.checkpoint_conversion import (
    METHODS,
    Conversion,
    convert_names,
    graph_variant,
    read_official_state,
    recognize_method,
)
from cape_mm.engine.checkpoints import write_checkpoint
from cape_mm.errors import UnsuitableCheckpointError
from cape_mm.structures import cached_description_table


def convert_checkpoint(args: Namespace) -> None:
    """Convert, save, and print an account of all parameters."""
    if Path(args.out).exists():
        raise FileExistsError(f"'{args.out}' exists; nothing was written")
    checkpoint = read_checkpoint(args.checkpoint)
    state = read_official_state(checkpoint, args.checkpoint)
    name = recognize_method(state, args.method)
    method = METHODS[name]
    source = dict(
        file=Path(args.checkpoint).name,
        sha256=hashlib.sha256(Path(args.checkpoint).read_bytes()).hexdigest(),
        method=name,
    )
    cfg = Config.fromfile(_find_config(method.config))
    if method.is_backbone:
        cfg.model = cfg.model.backbone
    else:
        text = f'{source["file"]}\n{_official_config(checkpoint)}'
        source.update(
            shots=args.shots
            or _find_number(r'num_shots\W+(\d)|(\d)shot', text)
            or 1,
            split=args.split or _find_number(r'split[_-]?(\d)', text) or 1,
        )
        _adapt(cfg, source['shots'], source['split'])
        if name.startswith(('graphcape', 'capex')):
            cfg.model.head.graph = graph_variant(state)
        if name.startswith('capex'):
            _set_descriptions(cfg, args.descriptions)
    with DefaultScope.overwrite_default_scope(cfg.default_scope):
        model = MODELS.build(cfg.model)
    conversion = convert_names(state, method.name_map, model.state_dict())
    model.load_state_dict(conversion.state_dict)

    content = conversion.state_dict
    if not method.is_backbone:
        meta = dict(cfg=cfg.pretty_text, converted_from=source)
        content = dict(meta=meta, state_dict=content)
    Path(args.out).parent.mkdir(parents=True, exist_ok=True)
    write_checkpoint(content, args.out)
    print(_account(conversion, model, f'{method.title}, {source}'))
    print(f'wrote {args.out}')
    if method.is_backbone:
        print(
            'train with --cfg-options model.backbone.init_cfg.type=Pretrained '
            f'model.backbone.init_cfg.checkpoint={args.out}'
        )


def _find_config(stem: str) -> Path:
    """The 1-shot config of split 1 whose name begins with a stem."""
    found = (HOME / 'configs').glob(f'{stem}_*mp100-split1-*.py')
    configs = sorted(found, key=lambda path: (len(path.name), path.name))
    if not configs:
        raise UnsuitableCheckpointError(
            f'there is no config {stem}_*.py to build the model from'
        )
    return configs[0]


def _adapt(cfg: Config, shots: int, split: int) -> None:
    """Set shots and split; weights come from the checkpoint alone."""
    for mode in ('train', 'val', 'test'):
        dataset = cfg[f'{mode}_dataloader'].dataset
        dataset.num_shots = shots
        dataset.dataset.ann_file = (
            f'annotations/mp100_split{split}_{mode}.json'
        )
    for part in ('backbone', 'support_backbone'):
        if part in cfg.model:
            cfg.model[part].init_cfg = None


def _set_descriptions(cfg: Config, table: str | None) -> None:
    if table is None:
        raise UnsuitableCheckpointError(
            'CapeX reads descriptions of keypoints from a table: give it by '
            '--descriptions (tools/dataset_converters/describe_keypoints.py '
            'writes one)'
        )
    cached_description_table(table, cfg.model.head.text_channels)
    cfg.model.head.text_table = table


def _official_config(checkpoint: Any) -> str:
    """Text of the config that mmcv has stored, if any."""
    meta = checkpoint.get('meta') if isinstance(checkpoint, dict) else None
    text = (meta or {}).get('config', '') if isinstance(meta, dict) else ''
    return text if isinstance(text, str) else ''


def _find_number(pattern: str, text: str) -> int | None:
    """First number that a pattern finds."""
    match = re.search(pattern, text)
    return int(next(filter(None, match.groups()))) if match else None


def _account(conversion: Conversion, model: nn.Module, title: str) -> str:
    """What has become of the official parameters."""
    part = 'head' if hasattr(model, 'head') else 'backbone'
    module = model.head if part == 'head' else model
    count = sum(p.numel() for p in module.parameters())
    lines = [
        title,
        f'{conversion.converted} tensors converted, {len(conversion.copies)} '
        f'equal copies left out; {count:,} parameters in the {part}',
    ]
    reasons: dict[str, int] = {}
    for reason in conversion.unused.values():
        reasons[reason] = reasons.get(reason, 0) + 1
    lines += [f'{n} tensors unused: {why}' for why, n in reasons.items()]
    return '\n'.join(lines)
