# Copyright (c) cape_mm contributors. All rights reserved.
"""Whether metrics measure what they say."""

from __future__ import annotations

from typing import Iterator

import numpy as np
from mmengine.registry import METRICS
from mmpose.evaluation.metrics import JhmdbPCKAccuracy, PCKAccuracy

from ..recipe import Recipe, find_class
from ..recipe_data import RecipeData
from ..rule import ERROR, Milder, rule
from ..wording import brief


@rule(
    'metric-works',
    ERROR,
    'Correct the arguments of the metrics, or what the data pass on to them.',
)
def metric_works(recipe: Recipe, data: RecipeData) -> Iterator[str]:
    """Perfect predictions pass through the metrics."""
    problem = data.metrics_problem
    if problem is not None:
        yield f'the metrics of the validation fail: {brief(problem)}'


@rule(
    'torso-of-another-schema',
    ERROR,
    "Use norm_item='bbox': 'torso' is the distance of keypoints 4 and 5, and "
    "'head' a length, that only certain datasets of people have.",
)
def torso_of_another_schema(recipe: Recipe, data: RecipeData) -> Iterator[str]:
    """PCK is normalised by something that exists."""
    for split in ('val', 'test'):
        for metric in recipe.metrics(split):
            kind = find_class(METRICS, metric)
            items = metric.get('norm_item', 'bbox')
            items = [items] if isinstance(items, str) else list(items)
            if not isinstance(kind, type) or not issubclass(kind, PCKAccuracy):
                continue
            if 'torso' not in items or issubclass(kind, JhmdbPCKAccuracy):
                continue
            yield (
                f'{kind.__name__} of {split} is normalised by the torso, '
                f'here the distance of {_name_torso(data)}'
            )


@rule(
    'spacing-not-packed',
    ERROR,
    "Add 'spacing' to meta_keys of PackPoseInputs in the pipelines of "
    'validation and test: without it no error is given in mm.',
)
def spacing_not_packed(recipe: Recipe, data: RecipeData) -> Iterator[str]:
    """The scale of a cephalogram reaches the metric."""
    for split in ('val', 'test'):
        cephalograms, item = data.cephalograms(split), data.first_item(split)
        if cephalograms is None or item is None:
            continue
        sample = item['data_samples']
        if not np.isfinite(cephalograms.spacings).all(axis=1).any():
            continue
        if 'spacing' not in getattr(sample, 'metainfo', {}):
            yield f'items of {split} lack the spacing that the file has'


@rule(
    'spacing-missing',
    ERROR,
    'Add the spacing to the annotation file, from the file of the image or '
    'measured at its ruler: an error in mm needs it.',
)
def spacing_missing(
    recipe: Recipe, data: RecipeData
) -> Iterator[str | Milder]:
    """Cephalograms that are measured in mm have a scale."""
    for split in ('train', 'val', 'test'):
        cephalograms = data.cephalograms(split)
        if cephalograms is None or cephalograms.schema is None:
            continue
        missing = int((~np.isfinite(cephalograms.spacings).all(axis=1)).sum())
        if missing:
            text = (
                f'{missing} of {len(cephalograms)} cephalograms of '
                f'{split} have none'
            )
            yield text if split != 'train' else Milder(text)


def _name_torso(data: RecipeData) -> str:
    cephalograms = data.cephalograms('val')
    if (
        cephalograms is None
        or not cephalograms.is_uniform
        or len(cephalograms.visible[0]) < 6
    ):
        return 'keypoints 4 and 5'
    return f'{cephalograms.label(4)} and {cephalograms.label(5)}'
