# Copyright (c) cape_mm contributors. All rights reserved.
"""A training config as rules read it, and what is built of it."""

from __future__ import annotations

import math
import os.path as osp
from copy import deepcopy
from typing import Any, Callable, Iterator, Sequence

from mmengine.config import Config
from mmengine.registry import DATASETS, HOOKS, Registry
from torch.utils.data import Dataset

from .cephalogram_table import CephalogramTable, read_cephalograms

#: Parts of a config that read data.
SPLITS = ('train', 'val', 'test')


class TrainingConfig:
    """A config for rules; what is missing or cannot be built is None."""

    def __init__(self, cfg: Config) -> None:
        self.cfg = cfg  # is not changed
        self._kept: dict[Any, tuple[Any, Exception | None]] = {}

    def loader(self, split: str) -> dict:
        """Config of ``<split>_dataloader``."""
        return self.cfg.get(f'{split}_dataloader') or {}

    def dataset(self, split: str) -> dict:
        """Config of the dataset of a loader, with its wrappers."""
        return self.loader(split).get('dataset') or {}

    def inner_datasets(self, split: str) -> list[dict]:
        """Configs of the datasets that read annotations, without wrappers."""
        return list(_unwrap(self.dataset(split)))

    def ann_files(self, split: str) -> list[str]:
        """Absolute paths of the annotation files of a split."""
        return [
            osp.realpath(osp.join(d.get('data_root') or '', d['ann_file']))
            for d in self.inner_datasets(split)
            if d.get('ann_file')
        ]

    def pipeline(self, split: str) -> list[dict]:
        """Configs of the transforms, nested ones behind their wrapper."""
        configs = [self.dataset(split), *self.inner_datasets(split)]
        pipelines = (c['pipeline'] for c in configs if c.get('pipeline'))
        return list(_flatten(next(pipelines, [])))

    def transform(self, split: str, kind: str) -> dict | None:
        """Config of the first transform of a type, given without scope."""
        named = (t for t in self.pipeline(split) if type_name(t) == kind)
        return next(named, None)

    def transforms(self, kind: str) -> Iterator[tuple[str, dict]]:
        """Yield the splits that have a transform of a type, and its config."""
        for split in SPLITS:
            transform = self.transform(split, kind)
            if transform is not None:
                yield split, transform

    @property
    def model(self) -> dict:
        """Config of the model."""
        return self.cfg.get('model') or {}

    @property
    def head(self) -> dict:
        """Config of the model's head."""
        return self.model.get('head') or {}

    @property
    def encoder(self) -> dict | None:
        """Codec of the targets, the last one of several."""
        generate = self.transform('train', 'GenerateTarget') or {}
        encoder = generate.get('encoder')
        if isinstance(encoder, (list, tuple)):
            encoder = encoder[-1] if encoder else None
        return encoder

    @property
    def decoder(self) -> dict | None:
        """Codec that makes coordinates of the output."""
        return self.head.get('decoder')

    def hooks(self) -> Iterator[tuple[str, dict]]:
        """Yield the place and the config of every hook."""
        default = (self.cfg.get('default_hooks') or {}).items()
        custom = enumerate(self.cfg.get('custom_hooks') or [])
        for place, hook in (
            *((f'default_hooks.{name}', hook) for name, hook in default),
            *((f'custom_hooks[{index}]', hook) for index, hook in custom),
        ):
            if isinstance(hook, dict):
                yield place, hook

    def hooks_of(self, kind: str) -> Iterator[tuple[str, dict]]:
        """Yield the hooks of a class, given by name, or of its subclasses."""
        for place, hook in self.hooks():
            bases = getattr(find_class(HOOKS, hook), '__mro__', ())
            if any(base.__name__ == kind for base in bases):
                yield place, hook

    def metrics(self, split: str) -> list[dict]:
        """Configs of the metrics of ``'val'`` or ``'test'``."""
        evaluator = self.cfg.get(f'{split}_evaluator') or []
        if isinstance(evaluator, dict):
            evaluator = evaluator.get('metrics') or [evaluator]
        return list(evaluator)

    @property
    def schedulers(self) -> list[dict]:
        """Configs of the learning rate's schedulers."""
        schedulers = self.cfg.get('param_scheduler') or []
        if isinstance(schedulers, dict):
            if 'type' not in schedulers:  # one list for each optimizer
                return []
            schedulers = [schedulers]
        return list(schedulers)

    @property
    def max_epochs(self) -> int | None:
        """Epochs of training; None if it counts iterations."""
        return (self.cfg.get('train_cfg') or {}).get('max_epochs')

    def keep(self, key: Any, make: Callable[[], Any]) -> Any:
        """The part of a hashable name, built once; None if that fails."""
        if key not in self._kept:
            try:
                self._kept[key] = make(), None
            except Exception as error:
                # a config can be wrong in any way; one rule reports it
                self._kept[key] = None, error
        return self._kept[key][0]

    def problem(self, key: Any) -> Exception | None:
        """Why a part could not be built; None if it could, or was not."""
        return self._kept.get(key, (None, None))[1]

    def built_dataset(self, split: str) -> Dataset | None:
        """Dataset of a split with its pipeline; None without."""
        config = self.dataset(split)
        if not config:
            return None
        # splits with the same data share them
        split = next(s for s in SPLITS if self.dataset(s) == config)
        return self.keep(('dataset', split), lambda: _build(config))

    def first_sample(self, split: str) -> Any:
        """First sample of a split after its pipeline; None without."""
        dataset = self.built_dataset(split)
        if dataset is None:
            return None
        return self.keep(('sample', split), lambda: dataset[0])

    def table(
        self, split: str, schema: bool = False, uniform: bool = False
    ) -> CephalogramTable | None:
        """Annotations of a split; None if they lack what is required."""
        dataset = self.built_dataset(split)
        if dataset is None:
            return None
        table = self.keep(('table', split), lambda: read_cephalograms(dataset))
        if table is None or (schema and table.schema is None):
            return None
        return None if uniform and not table.is_uniform else table

    def tables(
        self, splits: Sequence[str] = SPLITS, **required: bool
    ) -> Iterator[tuple[str, CephalogramTable]]:
        """Splits with their tables, as :meth:`table` gives them."""
        for split in splits:
            table = self.table(split, **required)
            if table is not None:
                yield split, table

    @property
    def total_iterations(self) -> int | None:
        """Iterations of the training on one device."""
        if self.max_epochs is None:
            return (self.cfg.get('train_cfg') or {}).get('max_iters')
        dataset, loader = self.built_dataset('train'), self.loader('train')
        if dataset is None or not loader.get('batch_size'):
            return None
        count = len(dataset) / loader['batch_size']
        whole = math.floor if loader.get('drop_last', False) else math.ceil
        return max(1, whole(count)) * self.max_epochs


def type_name(config: dict[str, Any]) -> str:
    """Name of a part's type, without its scope; empty without type."""
    kind = config.get('type', '') if hasattr(config, 'get') else ''
    kind = kind if isinstance(kind, str) else kind.__name__
    return kind.rsplit('.', 1)[-1]


def find_class(registry: Registry, config: dict[str, Any]) -> type | None:
    """Class that a config names; None if it is not registered."""
    kind = config.get('type')
    if not isinstance(kind, str):
        return kind
    with registry.switch_scope_and_registry(None) as scoped:
        return scoped.get(kind)


def _build(config: dict) -> Dataset:
    """A dataset with its annotations loaded."""
    dataset = DATASETS.build(deepcopy(config))
    if hasattr(dataset, 'full_init'):
        dataset.full_init()
    return dataset


def is_kind(registry: Registry, config: dict, bases: type | tuple) -> bool:
    """Whether a config names a subclass of one of some classes."""
    kind = find_class(registry, config)
    return isinstance(kind, type) and issubclass(kind, bases)


def _unwrap(config: dict) -> Iterator[dict]:
    """Configs of the datasets inside of wrappers."""
    inner = config.get('datasets') or config.get('dataset')
    if not inner:
        if config:
            yield config
        return
    for part in inner if isinstance(inner, (list, tuple)) else [inner]:
        yield from _unwrap(part)


def _flatten(transforms: list) -> Iterator[dict]:
    """Configs of transforms, each before those that it wraps."""
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
