# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import math
from copy import deepcopy
from typing import Any, Callable

import numpy as np
from mmengine.registry import DATASETS
from torch.utils.data import Dataset

from .cephalogram_table import CephalogramTable, read_cephalograms
from .dry_model import DryModel
from .metric_probe import MetricProbe, probe_metrics
from .recipe import Recipe


class RecipeData:
    """What a recipe builds: datasets, metrics, model; each at most once.

    Whatever cannot be built is None, and the reason is kept for the one rule
    that reports it, so that no other rule has to care.

    Args:
        recipe (Recipe): The config.
    """

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self._kept: dict[Any, tuple[Any, Exception | None]] = {}

    def dataset(self, split: str) -> Dataset | None:
        """Build the dataset of a split, with its pipeline.

        Args:
            split (str): ``'train'``, ``'val'`` or ``'test'``.

        Returns:
            Dataset | None: None if there is none or it cannot be built.
        """
        config = self.recipe.dataset(split)
        if not config:
            return None
        for other in ('train', 'val', 'test'):
            if self.recipe.dataset(other) == config:
                split = other
                break
        return self._keep(('dataset', split), lambda: _build(config))

    def dataset_problem(self, split: str) -> Exception | None:
        """Why the dataset of a split cannot be built; None if it can."""
        self.dataset(split)
        return self._problem(('dataset', split))

    def first_item(self, split: str) -> Any:
        """Take the first item of a split through its pipeline.

        Args:
            split (str): ``'train'``, ``'val'`` or ``'test'``.

        Returns:
            Any: None if there is no dataset or the pipeline fails.
        """
        dataset = self.dataset(split)
        if dataset is None:
            return None
        return self._keep(('item', split), lambda: dataset[0])

    def item_problem(self, split: str) -> Exception | None:
        """Why the pipeline of a split fails; None if it does not."""
        self.first_item(split)
        return self._problem(('item', split))

    def cephalograms(self, split: str) -> CephalogramTable | None:
        """Collect the annotations of a split.

        Args:
            split (str): ``'train'``, ``'val'`` or ``'test'``.

        Returns:
            CephalogramTable | None: None if there are none.
        """
        dataset = self.dataset(split)
        if dataset is None:
            return None
        return self._keep(
            ('cephalograms', split), lambda: read_cephalograms(dataset)
        )

    @property
    def mean_shape_norm(self) -> np.ndarray | None:
        """(K, 2) mean shape of the training data by image size, or None.

        None also if the number of landmarks differs, or a landmark is never
        labelled.
        """
        cephalograms = self.cephalograms('train')
        if cephalograms is None or not cephalograms.is_uniform:
            return None
        points, _ = cephalograms.stack()
        sizes = cephalograms.sizes_px[:, None]
        known = np.isfinite(points / sizes)
        if not known.any(axis=0).all():
            return None
        return np.nanmean(points / sizes, axis=0)

    @property
    def metrics(self) -> MetricProbe | None:
        """Optional[MetricProbe]: What the metrics of the validation emit."""
        dataset = self.dataset('val')
        if dataset is None or self.first_item('val') is None:
            return None
        return self._keep(
            'metrics',
            lambda: probe_metrics(
                self.recipe.metrics('val'), dataset, self.mean_shape_norm
            ),
        )

    @property
    def metrics_problem(self) -> Exception | None:
        """Optional[Exception]: Why the metrics fail."""
        self.metrics  # noqa: B018
        return self._problem('metrics')

    @property
    def model(self) -> DryModel | None:
        """Optional[DryModel]: The model without memory for its weights."""
        if not self.recipe.model:
            return None
        return self._keep('model', lambda: DryModel(self.recipe.model))

    @property
    def model_problem(self) -> Exception | None:
        """Optional[Exception]: Why the model cannot be built."""
        self.model  # noqa: B018
        return self._problem('model')

    @property
    def iterations_per_epoch(self) -> int | None:
        """Optional[int]: Iterations of an epoch on one device."""
        dataset = self.dataset('train')
        batch = self.recipe.loader('train').get('batch_size')
        if dataset is None or not batch:
            return None
        count = len(dataset) / batch
        drops = self.recipe.loader('train').get('drop_last', False)
        return max(1, math.floor(count) if drops else math.ceil(count))

    @property
    def total_iterations(self) -> int | None:
        """Optional[int]: Iterations of the training on one device."""
        if self.recipe.max_epochs is None:
            return (self.recipe.cfg.get('train_cfg') or {}).get('max_iters')
        per_epoch = self.iterations_per_epoch
        return (
            None if per_epoch is None else (per_epoch * self.recipe.max_epochs)
        )

    def _keep(self, key: Any, make: Callable[[], Any]) -> Any:
        if key not in self._kept:
            try:
                self._kept[key] = make(), None
            except Exception as error:
                # a config can be wrong in any way; a rule reports it
                self._kept[key] = None, error
        return self._kept[key][0]

    def _problem(self, key: Any) -> Exception | None:
        return self._kept.get(key, (None, None))[1]


def _build(config: dict) -> Dataset:
    dataset = DATASETS.build(deepcopy(config))
    if hasattr(dataset, 'full_init'):
        dataset.full_init()
    return dataset
