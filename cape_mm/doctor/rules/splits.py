# Copyright (c) cape_mm contributors. All rights reserved.
"""Whether the data are there, and what is measured was not learnt."""

from __future__ import annotations

from itertools import combinations
from typing import Iterator

from mmengine.registry import DATASETS

from cape_mm.datasets.datasets import (
    SingleCategoryEpisodeDataset,
    SingleImageEpisodeDataset,
)

from ..cephalogram_table import CephalogramTable
from ..recipe import SPLITS, Recipe, find_class
from ..recipe_data import RecipeData
from ..rule import ERROR, rule
from ..wording import brief, some_of

#: Learning by heart is what these are for.
_MEMORISING = (SingleCategoryEpisodeDataset, SingleImageEpisodeDataset)
#: Arguments of a dataset that do not choose among its items.
_NOT_CHOOSING = (
    'type',
    'pipeline',
    'test_mode',
    'lazy_init',
    'serialize_data',
    'max_refetch',
    'metainfo',
    'landmark_weights',
)


@rule(
    'dataset-builds',
    ERROR,
    'Correct the dataset in the config, or the file that is named.',
)
def dataset_builds(recipe: Recipe, data: RecipeData) -> Iterator[str]:
    """Every split can be loaded."""
    told = set()
    for split in SPLITS:
        problem = data.dataset_problem(split)
        text = '' if problem is None else brief(problem)
        if text and text not in told:
            told.add(text)
            yield f'the data of {split} cannot be loaded: {text}'


@rule(
    'pipeline-runs',
    ERROR,
    'Correct the pipeline, or the item that it fails on.',
)
def pipeline_runs(recipe: Recipe, data: RecipeData) -> Iterator[str]:
    """The first item of every split passes its pipeline."""
    for split in SPLITS:
        problem = data.item_problem(split)
        if problem is not None:
            yield f'the first item of {split} fails: {brief(problem)}'


@rule(
    'val-is-train',
    ERROR,
    'Validate on an annotation file of its own: learning by heart cannot be '
    'seen on the training data.',
)
def val_is_train(recipe: Recipe, data: RecipeData) -> Iterator[str]:
    """Validation and test have data of their own."""
    for split in ('val', 'test'):
        if _is_same_data(recipe, 'train', split) and not _memorises(recipe):
            files = ', '.join(recipe.ann_files(split))
            yield f'{split} reads the training data, {files}'


@rule(
    'leaked-subject',
    ERROR,
    'Put all cephalograms of a person into one split.',
)
def leaked_subject(recipe: Recipe, data: RecipeData) -> Iterator[str]:
    """No person is in two splits."""
    for one, other, first, second in _pairs_of_splits(recipe, data):
        subjects = {s for s in first.subjects if s}
        common = sorted(subjects & {s for s in second.subjects if s})
        if common:
            yield (
                f'{len(common)} person(s) of {other} are in {one} too: '
                f'{some_of(common)}'
            )


@rule(
    'leaked-image',
    ERROR,
    'Put each image into one split.',
)
def leaked_image(recipe: Recipe, data: RecipeData) -> Iterator[str]:
    """No image is in two splits, also not under another name."""
    for one, other, first, second in _pairs_of_splits(recipe, data):
        common = sorted(set(first.names) & set(second.names))
        if common:
            yield (
                f'{len(common)} image(s) of {other} are in {one} too: '
                f'{some_of(common)}'
            )
            continue
        if not (first.is_uniform and second.is_uniform):
            continue
        places = {p.tobytes(): n for p, n in _points(first)}
        twins = [
            f'{name} = {places[points.tobytes()]}'
            for points, name in _points(second)
            if points.tobytes() in places
        ]
        if twins:
            yield (
                f'{len(twins)} image(s) of {other} have exactly the landmarks '
                f'of one of {one}: {some_of(twins)}'
            )


def _pairs_of_splits(
    recipe: Recipe, data: RecipeData
) -> Iterator[tuple[str, str, CephalogramTable, CephalogramTable]]:
    """Pairs that should have nothing in common."""
    if _memorises(recipe):
        return
    for one, other in combinations(SPLITS, 2):
        first, second = data.cephalograms(one), data.cephalograms(other)
        if first is None or second is None:
            continue
        if not _is_same_data(recipe, one, other):
            yield one, other, first, second


def _points(cephalograms: CephalogramTable) -> Iterator[tuple]:
    for points, name in zip(cephalograms.keypoints_px, cephalograms.names):
        yield points.round(3), name


def _is_same_data(recipe: Recipe, one: str, other: str) -> bool:
    return bool(recipe.ann_files(one)) and (
        _selection(recipe, one) == _selection(recipe, other)
    )


def _selection(recipe: Recipe, split: str) -> list[dict | None]:
    """The files, and whatever chooses among their items."""
    chosen = []
    for config, path in zip(
        recipe.inner_datasets(split), recipe.ann_files(split)
    ):
        rest = {
            key: value
            for key, value in config.items()
            if value is not None
            and key not in (*_NOT_CHOOSING, 'ann_file', 'data_root')
        }
        chosen.append(dict(rest, ann_file=path))
    return chosen


def _memorises(recipe: Recipe) -> bool:
    kind = find_class(DATASETS, recipe.dataset('train'))
    return isinstance(kind, type) and issubclass(kind, _MEMORISING)
