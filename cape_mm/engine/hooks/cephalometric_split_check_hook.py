# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import os.path as osp
from itertools import combinations
from typing import Any, NamedTuple, Sequence

from mmengine.hooks import Hook
from mmengine.runner import Runner

from cape_mm.datasets.pipeline import leaf_datasets
from cape_mm.errors import DataError
from cape_mm.registry import DATASETS, HOOKS

_USES = dict(train='training', val='validation', test='the test')
_MAX_LISTED = 5


@HOOKS.register_module()
class CephalometricSplitCheckHook(Hook):
    """Refuse to train on what validation or test contain.

    Compares the annotation files, images and subjects of the datasets of
    all data loaders. Test data that are not on this machine are not compared,
    which is logged. The same file for validation and test is allowed: many
    datasets have no more.

    Raises:
        DataError: Before the first iteration, if two of them share a
            subject or an image, or the training file is used again.
    """

    def before_train(self, runner: Runner) -> None:
        """Compare all datasets of the config."""
        splits = read_split('train', runner.train_dataloader.dataset)
        if runner.val_loop is not None:
            splits += read_split('val', runner.val_dataloader.dataset)
        splits += self._read_test(runner)
        check_cephalogram_splits(splits)
        unknown = sum(split.num_unknown for split in splits)
        if unknown:
            runner.logger.warning(
                f'{unknown} cephalograms have no subject: only files and '
                'images could be compared, not whether the same person is in '
                'training, validation and test. Write "subject" into the '
                'images of the annotation files'
            )

    def _read_test(self, runner: Runner) -> list[SplitContent]:
        """Load the annotations of the test data, if they are there."""
        # The property would build the model's test loop, too.
        loader = runner._test_dataloader
        if loader is None:
            return []
        if not isinstance(loader, dict):
            return read_split('test', loader.dataset)
        config = loader['dataset'].copy()
        if 'ann_file' in config:
            config['pipeline'] = []
        try:
            return read_split('test', DATASETS.build(config))
        # MMPose asserts that the file is there.
        except (FileNotFoundError, AssertionError) as error:
            runner.logger.warning(
                'The test data could not be compared with the training '
                f'data: {error}'
            )
            return []


class SplitContent(NamedTuple):
    """Cephalograms of one annotation file in one use."""

    role: str  # a key of _USES
    ann_file: str
    images: frozenset[str]  # real paths
    subjects: frozenset[str]
    num_unknown: int  # images of an unknown person


def read_split(role: str, dataset: Any) -> list[SplitContent]:
    """Content of the datasets with files, without wrappers and subsets."""
    splits = []
    for leaf in leaf_datasets(dataset):
        if getattr(leaf, 'ann_file', ''):
            infos = [leaf.get_data_info(index) for index in range(len(leaf))]
            paths = {info.get('img_path', '') for info in infos} - {''}
            subjects = [info.get('subject', '') for info in infos]
            splits.append(
                SplitContent(
                    role,
                    leaf.ann_file,
                    frozenset(map(osp.realpath, paths)),
                    frozenset(subjects) - {''},
                    sum(not subject for subject in subjects),
                )
            )
    return splits


def check_cephalogram_splits(splits: Sequence[SplitContent]) -> None:
    """Refuse uses of a config that share cephalograms or persons."""
    problems = find_split_problems(splits)
    if problems:
        raise DataError('\n'.join(problems))


def find_split_problems(splits: Sequence[SplitContent]) -> list[str]:
    """What two uses must not share, one text per pair of files."""
    problems = []
    for first, second in combinations(splits, 2):
        is_same = osp.realpath(first.ann_file) == osp.realpath(second.ann_file)
        is_training = 'train' in (first.role, second.role)
        if first.role == second.role or (is_same and not is_training):
            continue
        uses = f'{_USES[first.role]} and {_USES[second.role]}'
        images = first.images & second.images
        subjects = first.subjects & second.subjects
        if is_same and images:
            problems.append(
                f'{first.ann_file} is used for {uses}, with {len(images)} '
                'cephalograms in common: what is measured on cephalograms '
                'that were learned says nothing about new ones. Set ann_file '
                'to another file, or give both datasets disjoint indices'
            )
        elif subjects or images:
            kind, rest = 'subjects', 'all cephalograms of a subject'
            if not subjects:
                kind, rest = 'images', 'each image'
            names = sorted(subjects or images)
            listed = ', '.join(names[:_MAX_LISTED])
            if len(names) > _MAX_LISTED:
                listed += f' and {len(names) - _MAX_LISTED} more'
            problems.append(
                f'{len(names)} {kind} are in {uses}: {listed}; files '
                f'{first.ann_file} and {second.ann_file}. Keep {rest} in one '
                'of them'
            )
    return problems
