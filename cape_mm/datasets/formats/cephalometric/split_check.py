# Copyright (c) cape_mm contributors. All rights reserved.
"""Whether training, validation and test share cephalograms or people."""

from __future__ import annotations

import os.path as osp
from itertools import combinations
from typing import Any, NamedTuple, Sequence

from cape_mm.errors import DataError

_USES = dict(train='training', val='validation', test='the test')
_SHOWN = 5


class SplitContent(NamedTuple):
    """What one annotation file gives to one use.

    Attributes:
        role (str): ``'train'``, ``'val'`` or ``'test'``.
        ann_file (str): The file.
        images (FrozenSet[str]): Real paths of the images in use.
        subjects (FrozenSet[str]): Who is on them, as far as it is known.
        num_unknown (int): Images of which it is not known.
    """

    role: str
    ann_file: str
    images: frozenset[str]
    subjects: frozenset[str]
    num_unknown: int


def read_split(role: str, dataset: Any) -> list[SplitContent]:
    """Collect what a dataset gives, also through wrappers.

    Args:
        role (str): ``'train'``, ``'val'`` or ``'test'``.
        dataset (Any): A dataset with ``ann_file``, whose items have
            ``img_path`` and may have ``subject``, or a wrapper of such ones.
            Subsets count as what they hold.

    Returns:
        List[SplitContent]: One for each inner dataset; none for a dataset
        of another kind.
    """
    inner = getattr(dataset, 'datasets', None)
    if inner is None and hasattr(dataset, 'dataset'):
        inner = [dataset.dataset]
    if inner is not None:
        return [part for one in inner for part in read_split(role, one)]
    if not getattr(dataset, 'ann_file', ''):
        return []
    cephalograms = [
        dataset.get_data_info(index) for index in range(len(dataset))
    ]
    return [
        _collect(
            role,
            dataset.ann_file,
            [cephalogram.get('img_path', '') for cephalogram in cephalograms],
            [cephalogram.get('subject', '') for cephalogram in cephalograms],
        )
    ]


def find_split_problems(splits: Sequence[SplitContent]) -> list[str]:
    """Find what must not be shared.

    The same file for validation and test is allowed: many datasets have no
    more.

    Args:
        splits (Sequence[SplitContent]): Everything a config uses.

    Returns:
        List[str]: One text per pair of files, with the remedy; empty if all
        is well.
    """
    problems = []
    for first, second in combinations(splits, 2):
        is_same = osp.realpath(first.ann_file) == osp.realpath(second.ann_file)
        is_training = 'train' in (first.role, second.role)
        if first.role == second.role or (is_same and not is_training):
            continue
        problem = _compare(first, second, is_same)
        if problem:
            problems.append(problem)
    return problems


def check_splits(splits: Sequence[SplitContent]) -> None:
    """Refuse splits that share cephalograms or people.

    Args:
        splits (Sequence[SplitContent]): Everything a config uses.

    Raises:
        DataError: If :func:`find_split_problems` finds anything.
    """
    problems = find_split_problems(splits)
    if problems:
        raise DataError('\n'.join(problems))


def _collect(
    role: str, ann_file: str, paths: list[str], subjects: list[str]
) -> SplitContent:
    return SplitContent(
        role=role,
        ann_file=ann_file,
        images=frozenset(osp.realpath(path) for path in paths if path),
        subjects=frozenset(subject for subject in subjects if subject),
        num_unknown=sum(not subject for subject in subjects),
    )


def _compare(first: SplitContent, second: SplitContent, is_same: bool) -> str:
    """What two uses share, empty if nothing."""
    uses = f'{_USES[first.role]} and {_USES[second.role]}'
    images = first.images & second.images
    subjects = first.subjects & second.subjects
    if is_same and images:
        return (
            f'{first.ann_file} is used for {uses}, with {len(images)} images '
            'in common: what is measured on images that were learned says '
            'nothing about new ones. Set ann_file to another file, or give '
            'both datasets disjoint indices'
        )
    if subjects:
        return (
            f'{len(subjects)} subjects are in {uses}: {_list(subjects)}; '
            f'files {first.ann_file} and {second.ann_file}. Keep all images '
            'of a subject in one of them'
        )
    if images:
        return (
            f'{len(images)} images are in {uses}: {_list(images)}; '
            f'files {first.ann_file} and {second.ann_file}. Keep each image '
            'in one of them'
        )
    return ''


def _list(items: frozenset[str]) -> str:
    shown = ', '.join(sorted(items)[:_SHOWN])
    more = len(items) - _SHOWN
    return f'{shown} and {more} more' if more > 0 else shown
