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
from ..rule import CONFIG_RULES, brief, some_of
from ..training_config import SPLITS, TrainingConfig, is_kind

#: Datasets that are there to be learnt by heart.
_MEMORISING = (SingleCategoryEpisodeDataset, SingleImageEpisodeDataset)
#: Arguments of a dataset that do not select its instances.
_NOT_CHOOSING = (
    *('type', 'pipeline', 'test_mode', 'lazy_init', 'serialize_data'),
    *('max_refetch', 'metainfo', 'landmark_weights', 'ann_file', 'data_root'),
)


@CONFIG_RULES.error(
    'Correct the dataset in the config, or the file that is named.'
)
def dataset_builds(config: TrainingConfig) -> Iterator[str]:
    """Data that cannot be loaded."""
    reported = set()
    for split in SPLITS:
        config.built_dataset(split)
        problem = config.problem(('dataset', split))
        text = '' if problem is None else brief(problem)
        if text and text not in reported:
            reported.add(text)
            yield f'the data of {split} cannot be loaded: {text}'


@CONFIG_RULES.error('Correct the pipeline, or the sample that it fails on.')
def pipeline_runs(config: TrainingConfig) -> Iterator[str]:
    """A pipeline that fails on the first sample."""
    for split in SPLITS:
        config.first_sample(split)
        problem = config.problem(('sample', split))
        if problem is not None:
            yield f'the first sample of {split} fails: {brief(problem)}'


@CONFIG_RULES.error(
    'Validate on an annotation file of its own: learning by heart cannot be '
    'noticed on the training data.'
)
def val_is_train(config: TrainingConfig) -> Iterator[str]:
    """Validation or test on the training data, unless to memorise it."""
    for split in ('val', 'test'):
        if _is_same_data(config, 'train', split) and not _memorises(config):
            files = ', '.join(config.ann_files(split))
            yield f'{split} reads the training data, {files}'


@CONFIG_RULES.error('Put all cephalograms of a person into one split.')
def leaked_subject(config: TrainingConfig) -> Iterator[str]:
    """A person in two splits."""
    for one, other, first, second in _pairs_of_splits(config):
        common = sorted({*first.subjects} & {*second.subjects} - {''})
        if common:
            yield (
                f'{len(common)} person(s) of {other} are in {one} too: '
                f'{some_of(common)}'
            )


@CONFIG_RULES.error('Put each image into one split.')
def leaked_image(config: TrainingConfig) -> Iterator[str]:
    """An image in two splits, also under another name."""
    for one, other, first, second in _pairs_of_splits(config):
        common = sorted(set(first.names) & set(second.names))
        if common:
            yield (
                f'{len(common)} image(s) of {other} are in {one} too: '
                f'{some_of(common)}'
            )
            continue
        if not (first.is_uniform and second.is_uniform):
            continue
        places = dict(zip(first.shapes, first.names))
        twins = [
            f'{name} = {places[shape]}'
            for shape, name in zip(second.shapes, second.names)
            if shape in places
        ]
        if twins:
            yield (
                f'{len(twins)} cephalogram(s) of {other} have exactly the '
                f'landmarks of one of {one}: {some_of(twins)}'
            )


def _pairs_of_splits(
    config: TrainingConfig,
) -> Iterator[tuple[str, str, CephalogramTable, CephalogramTable]]:
    """Pairs that should have nothing in common."""
    if _memorises(config):
        return
    tables = list(config.tables())
    for (one, first), (other, second) in combinations(tables, 2):
        if not _is_same_data(config, one, other):
            yield one, other, first, second


def _is_same_data(config: TrainingConfig, one: str, other: str) -> bool:
    return bool(config.ann_files(one)) and (
        _selection(config, one) == _selection(config, other)
    )


def _selection(config: TrainingConfig, split: str) -> list[tuple[str, dict]]:
    """The files, and whatever selects instances of them."""
    paths = config.ann_files(split)
    chosen = [
        {
            k: v
            for k, v in d.items()
            if v is not None and k not in _NOT_CHOOSING
        }
        for d in config.inner_datasets(split)
    ]
    return list(zip(paths, chosen))


def _memorises(config: TrainingConfig) -> bool:
    return is_kind(DATASETS, config.dataset('train'), _MEMORISING)
