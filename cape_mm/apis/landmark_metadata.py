# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import os
from typing import Union

from mmengine.config import Config
from mmengine.runner import CheckpointLoader

from cape_mm.engine.checkpoints import check_checkpoint_is_safe
from cape_mm.errors import UnsuitableCheckpointError
from cape_mm.structures import LandmarkSchema, get_schema

PathLike = Union[str, 'os.PathLike[str]']


def find_schema(cfg: Config, checkpoint: PathLike) -> LandmarkSchema:
    """Find out which landmarks the channels of a model are.

    The checkpoint says so, in the meta information of the training data; if
    it does not, the config's datasets do. Channels are never assumed to be
    in the order of a schema that has the right number.

    Args:
        cfg (Config): Whole config.
        checkpoint (str | Path): Checkpoint file or URL.

    Returns:
        LandmarkSchema: Its landmarks are those of the channels, in order.

    Raises:
        UnsafeCheckpointError: If reading the checkpoint would run code.
        UnsuitableCheckpointError: If nothing says it, or checkpoint, config
            and model contradict each other.
    """
    checkpoint = os.path.expanduser(os.fspath(checkpoint))
    check_checkpoint_is_safe(checkpoint)
    content = CheckpointLoader.load_checkpoint(checkpoint, map_location='cpu')
    meta = (content.get('meta') or {}).get('dataset_meta') or {}
    stored, wanted = meta.get('schema'), _schema_of_config(cfg)
    if stored is None and wanted is None:
        raise UnsuitableCheckpointError(
            f"neither '{checkpoint}' nor the config says which landmarks the "
            'model finds: give a config whose test_dataloader.dataset has a '
            'schema'
        )
    if stored is not None and wanted is not None and stored != wanted:
        raise UnsuitableCheckpointError(
            f"'{checkpoint}' was trained on the landmarks of schema "
            f'{stored!r}, the config is for {wanted!r}: give the config of '
            'the training, or none'
        )
    schema = _get_schema(stored or wanted, checkpoint)
    names = _names(meta)
    if stored is not None and names and names != list(schema.names):
        raise UnsuitableCheckpointError(
            f"'{checkpoint}' has the landmarks {', '.join(names)}, in this "
            f'order; those of schema {stored!r} are {", ".join(schema.names)}'
        )
    channels = (cfg.model.get('head') or {}).get('out_channels', len(schema))
    if channels != len(schema):
        raise UnsuitableCheckpointError(
            f'the head has {channels} channels, schema {schema.name!r} has '
            f'{len(schema)} landmarks'
        )
    return schema


def _schema_of_config(cfg: Config) -> str | None:
    for name in ('test_dataloader', 'val_dataloader', 'train_dataloader'):
        dataset = (cfg.get(name) or {}).get('dataset') or {}
        while 'schema' not in dataset and dataset.get('dataset'):
            dataset = dataset['dataset']
        if dataset.get('schema'):
            return dataset['schema']
    return None


def _get_schema(name: str, checkpoint: str) -> LandmarkSchema:
    try:
        return get_schema(name)
    except KeyError as error:
        raise UnsuitableCheckpointError(
            f"'{checkpoint}': {error.args[0]}"
        ) from None


def _names(meta: dict) -> list[str]:
    """Names of the channels in their order; empty if not stored."""
    names = meta.get('keypoint_id2name') or {}
    return [names[key] for key in sorted(names, key=int)]
