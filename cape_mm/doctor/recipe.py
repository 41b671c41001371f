# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import os.path as osp
from typing import Any, Iterator

from mmengine.config import Config
from mmengine.registry import HOOKS, Registry

#: Parts of a config that read data.
SPLITS = ('train', 'val', 'test')


class Recipe:
    """A config, with look-ups for what rules ask for.

    Nothing is built. Parts that are missing are empty or None.

    Args:
        cfg (Config): Whole config of a training. Is not changed.
    """

    def __init__(self, cfg: Config) -> None:
        self.cfg = cfg

    def loader(self, split: str) -> dict:
        """Get ``<split>_dataloader``.

        Args:
            split (str): One of ``SPLITS``.

        Returns:
            dict: Its config.
        """
        return self.cfg.get(f'{split}_dataloader') or {}

    def dataset(self, split: str) -> dict:
        """Get the dataset of a loader, with its wrappers.

        Args:
            split (str): One of ``SPLITS``.

        Returns:
            dict: Its config.
        """
        return self.loader(split).get('dataset') or {}

    def inner_datasets(self, split: str) -> list[dict]:
        """Get the datasets that read annotations, without wrappers.

        Args:
            split (str): One of ``SPLITS``.

        Returns:
            List[dict]: Their configs.
        """
        return list(_unwrap(self.dataset(split)))

    def ann_files(self, split: str) -> list[str]:
        """List the annotation files of a split.

        Args:
            split (str): One of ``SPLITS``.

        Returns:
            List[str]: Absolute paths.
        """
        return [
            osp.realpath(osp.join(d.get('data_root') or '', d['ann_file']))
            for d in self.inner_datasets(split)
            if d.get('ann_file')
        ]

    def pipeline(self, split: str) -> list[dict]:
        """List the transforms of a split, nested ones behind their wrapper.

        Args:
            split (str): One of ``SPLITS``.

        Returns:
            List[dict]: Their configs.
        """
        configs = [self.dataset(split), *self.inner_datasets(split)]
        for config in configs:
            if config.get('pipeline'):
                return list(_flatten(config['pipeline']))
        return []

    def transform(self, split: str, kind: str) -> dict | None:
        """Get the first transform of a type.

        Args:
            split (str): One of ``SPLITS``.
            kind (str): Its type without scope.

        Returns:
            dict | None: Its config.
        """
        for transform in self.pipeline(split):
            if type_name(transform) == kind:
                return transform
        return None

    @property
    def model(self) -> dict:
        """dict: Config of the model."""
        return self.cfg.get('model') or {}

    @property
    def head(self) -> dict:
        """dict: Config of the model's head."""
        return self.model.get('head') or {}

    @property
    def encoder(self) -> dict | None:
        """Optional[dict]: Codec of the targets, the last one of several."""
        generate = self.transform('train', 'GenerateTarget') or {}
        encoder = generate.get('encoder')
        if isinstance(encoder, (list, tuple)):
            encoder = encoder[-1] if encoder else None
        return encoder

    @property
    def decoder(self) -> dict | None:
        """Optional[dict]: Codec that makes coordinates of the output."""
        return self.head.get('decoder')

    def hooks(self) -> Iterator[tuple[str, dict]]:
        """Yield all hooks with their place in the config."""
        for name, hook in (self.cfg.get('default_hooks') or {}).items():
            if isinstance(hook, dict):
                yield f'default_hooks.{name}', hook
        for index, hook in enumerate(self.cfg.get('custom_hooks') or []):
            if isinstance(hook, dict):
                yield f'custom_hooks[{index}]', hook

    def hooks_of(self, *kinds: type) -> Iterator[tuple[str, dict]]:
        """Yield the hooks of some classes or subclasses of them."""
        for place, hook in self.hooks():
            found = find_class(HOOKS, hook)
            if found is not None and issubclass(found, kinds):
                yield place, hook

    def metrics(self, split: str) -> list[dict]:
        """List the metrics of a split.

        Args:
            split (str): ``'val'`` or ``'test'``.

        Returns:
            List[dict]: Their configs.
        """
        evaluator = self.cfg.get(f'{split}_evaluator') or []
        if isinstance(evaluator, dict):
            evaluator = evaluator.get('metrics') or [evaluator]
        return list(evaluator)

    @property
    def schedulers(self) -> list[dict]:
        """List[dict]: Configs of the learning rate's schedulers."""
        schedulers = self.cfg.get('param_scheduler') or []
        if isinstance(schedulers, dict):
            if 'type' not in schedulers:  # one list for each optimizer
                return []
            schedulers = [schedulers]
        return list(schedulers)

    @property
    def max_epochs(self) -> int | None:
        """Optional[int]: Epochs of training; None if it counts iterations."""
        return (self.cfg.get('train_cfg') or {}).get('max_epochs')


def type_name(config: dict[str, Any]) -> str:
    """Get the type of a part without its scope.

    Args:
        config (dict): Config with ``type``, a string or a class.

    Returns:
        str: The name; empty without type.
    """
    kind = config.get('type', '') if hasattr(config, 'get') else ''
    kind = kind if isinstance(kind, str) else kind.__name__
    return kind.rsplit('.', 1)[-1]


def find_class(registry: Registry, config: dict[str, Any]) -> type | None:
    """Find the class that a config names.

    Args:
        registry (Registry): Where it is registered.
        config (dict): Config with ``type``.

    Returns:
        type | None: The class, or None if it is not registered.
    """
    kind = config.get('type')
    if not isinstance(kind, str):
        return kind
    with registry.switch_scope_and_registry(None) as scoped:
        return scoped.get(kind)


def _unwrap(config: dict) -> Iterator[dict]:
    inner = config.get('datasets') or config.get('dataset')
    if not inner:
        if config:
            yield config
        return
    for part in inner if isinstance(inner, (list, tuple)) else [inner]:
        yield from _unwrap(part)


def _flatten(transforms: list) -> Iterator[dict]:
    for transform in transforms:
        if not hasattr(transform, 'get'):
            continue
        yield transform
        inner = transform.get('transforms')
        # Albumentation's own transforms are no transforms of MMPose
        if inner and type_name(transform) != 'Albumentation':
            for part in inner:
                part = part if isinstance(part, (list, tuple)) else [part]
                yield from _flatten(part)
