# Copyright (c) cape_mm contributors. All rights reserved.
"""Training, validation and test that share no person and no image.

How a conversion makes them, and how a training checks them.
"""

from __future__ import annotations

import os.path as osp
import random
from collections import defaultdict
from itertools import combinations
from typing import Any, NamedTuple, Sequence

import numpy as np

from cape_mm.datasets.formats.annotation_report import AnnotationReport
from cape_mm.errors import DataError

from .reading import CephalometricRecord

_USES = dict(train='training', val='validation', test='the test')
_MAX_LISTED = 5


def split_cephalograms(
    records: Sequence[CephalometricRecord],
    digests: Sequence[str],
    shares: tuple[float, float],
    seed: int,
    val_share: float = 0.0,
) -> dict[str, list[int]]:
    """Keep the split of a dataset, or make one.

    If the dataset has a split without validation part, one can be taken from
    the training part.

    Args:
        records (Sequence[CephalometricRecord]): N cephalograms.
        digests (Sequence[str]): N hashes of their images.
        shares (tuple[float, float]): Shares of validation and test if the
            dataset has no split.
        seed (int): Seed of the random choice.
        val_share (float): Share of the training cephalograms to take for
            validation if the dataset has a split without it. Defaults to 0.

    Returns:
        dict[str, list[int]]: Indices of the cephalograms of each part.

    Raises:
        ValueError: If a part would be empty.
    """
    parts = given_split(records)
    if not parts:
        val, test = shares
        return split_at_random(
            records, digests, dict(val=val, test=test), seed
        )
    if not val_share:
        return parts
    if 'val' in parts:
        raise ValueError(
            'the dataset has cephalograms for validation already: leave out '
            '--val-share'
        )
    train = parts.pop('train', [])
    inner = split_at_random(
        [records[index] for index in train],
        [digests[index] for index in train],
        dict(val=val_share),
        seed,
    )
    halves = {part: [train[i] for i in ids] for part, ids in inner.items()}
    return {**halves, **parts}


def split_as_baseline(
    records: Sequence[CephalometricRecord],
    digests: Sequence[str],
    seed: int,
    sizes: tuple[int, int] = (300, 50),
) -> dict[str, list[int]]:
    """Split as the published baselines of the CL-Detection challenges do.

    Python's generator shuffles the cephalograms in the order of the data; the
    first ones are for training, then validation, the rest for the test.

    Args:
        records (Sequence[CephalometricRecord]): Cephalograms.
        digests (Sequence[str]): Hashes of their images, unused.
        seed (int): Seed of the baseline: 2023 or 2024, as the challenge.
        sizes (tuple[int, int]): Numbers of cephalograms for training and for
            validation. Defaults to (300, 50).

    Returns:
        dict[str, list[int]]: Indices of the cephalograms of each part.

    Raises:
        ValueError: If nothing is left for the test.
    """
    train, val = sizes
    count = len(records)
    if count <= train + val:
        raise ValueError(
            f'the baseline takes {train} cephalograms for training and {val} '
            f'for validation, but there are {count}: leave out '
            '--baseline-split'
        )
    order = list(range(count))
    random.Random(seed).shuffle(order)
    first, test = order[: train + val], order[train + val :]
    return dict(train=first[:train], val=first[train:], test=test)


def split_at_random(
    records: Sequence[CephalometricRecord],
    digests: Sequence[str],
    shares: dict[str, float],
    seed: int,
) -> dict[str, list[int]]:
    """Split by persons; training gets what the shares leave."""
    if min(shares.values(), default=0) < 0 or sum(shares.values()) >= 1:
        raise ValueError(
            f'the shares are {shares}: none may be negative, and something '
            'must be left for the training'
        )
    groups = group_cephalograms(records, digests)
    order = np.random.default_rng(seed).permutation(len(groups))
    left = {
        part: round(share * len(records)) for part, share in shares.items()
    }
    parts: dict[str, list[int]] = {'train': []}
    parts.update({part: [] for part, share in shares.items() if share})
    for position in order:
        group = groups[position]
        part = next((p for p in left if left[p] >= len(group)), 'train')
        parts[part] += group
        if part in left:
            left[part] -= len(group)
    empty = [part for part, indices in parts.items() if not indices]
    if empty:
        raise ValueError(
            f'{len(records)} cephalograms of {len(groups)} persons or images '
            f'leave nothing for {", ".join(empty)}: change the shares '
            f'({shares})'
        )
    return {part: sorted(indices) for part, indices in parts.items()}


def group_cephalograms(
    records: Sequence[CephalometricRecord], digests: Sequence[str]
) -> list[list[int]]:
    """Indices that must stay together: of one person, or equal images."""
    group_of: dict[tuple[str, str], int] = {}
    groups: dict[int, list[int]] = {}
    for index, (record, digest) in enumerate(zip(records, digests)):
        keys = [('image', digest)]
        if record.subject:
            keys.append(('subject', record.subject))
        touched = sorted({group_of[key] for key in keys if key in group_of})
        home = touched[0] if touched else index
        members = groups.setdefault(home, [])
        members.append(index)
        for other in touched[1:]:
            members += groups.pop(other)
            for key, group in group_of.items():
                if group == other:
                    group_of[key] = home
        group_of.update((key, home) for key in keys)
    return [sorted(members) for members in groups.values()]


def given_split(
    records: Sequence[CephalometricRecord],
) -> dict[str, list[int]]:
    """Indices by the parts that the dataset gives; empty without any."""
    parts: dict[str, list[int]] = defaultdict(list)
    for index, record in enumerate(records):
        parts[record.extra.get('split', '')].append(index)
    if '' in parts and len(parts) > 1:
        record = records[parts[''][0]]
        raise ValueError(
            f'{len(parts[""])} cephalograms have no part of the dataset, e.g. '
            f'{record.image_path}: fill it in for all or for none'
        )
    return {} if '' in parts else dict(parts)


def check_disjoint(
    records: Sequence[CephalometricRecord],
    digests: Sequence[str],
    parts: dict[str, list[int]],
    report: AnnotationReport,
) -> None:
    """Refuse a person in two parts, and report equal images."""
    persons: dict[str, tuple[str, str]] = {}
    images: dict[str, tuple[str, str]] = {}
    for part, indices in parts.items():
        for index in indices:
            here = (part, records[index].image_path)
            subject = records[index].subject
            there = persons.setdefault(subject, here) if subject else here
            if there[0] != part:
                raise ValueError(
                    f'subject {subject!r} is in {there[0]} ({there[1]}) and '
                    f'in {part} ({here[1]}): results would be too good. '
                    'Correct the split, or leave it to this tool'
                )
            first = images.setdefault(digests[index], here)
            if first != here:
                report.add(
                    'same_image',
                    f'{here[1]} ({part}) is {first[1]} ({first[0]})',
                )


class SplitContent(NamedTuple):
    """Cephalograms of one annotation file in one use.

    ``role`` is ``'train'``, ``'val'`` or ``'test'``; ``images`` are real
    paths, and ``num_unknown`` of them are of an unknown person.
    """

    role: str
    ann_file: str
    images: frozenset[str]
    subjects: frozenset[str]
    num_unknown: int


def read_split(role: str, dataset: Any) -> list[SplitContent]:
    """Content of a dataset, or of those it wraps; empty for other kinds.

    Subsets count as what they hold.
    """
    inner = getattr(dataset, 'datasets', None)
    if inner is None and hasattr(dataset, 'dataset'):
        inner = [dataset.dataset]
    if inner is not None:
        return [part for one in inner for part in read_split(role, one)]
    if not getattr(dataset, 'ann_file', ''):
        return []
    infos = [dataset.get_data_info(index) for index in range(len(dataset))]
    paths = {info.get('img_path', '') for info in infos} - {''}
    subjects = [info.get('subject', '') for info in infos]
    return [
        SplitContent(
            role=role,
            ann_file=dataset.ann_file,
            images=frozenset(map(osp.realpath, paths)),
            subjects=frozenset(subjects) - {''},
            num_unknown=sum(not subject for subject in subjects),
        )
    ]


def check_cephalogram_splits(splits: Sequence[SplitContent]) -> None:
    """Refuse uses of a config that share cephalograms or persons."""
    problems = find_split_problems(splits)
    if problems:
        raise DataError('\n'.join(problems))


def find_split_problems(splits: Sequence[SplitContent]) -> list[str]:
    """What two uses must not share, one text per pair of files.

    The same file for validation and test is allowed: many datasets have no
    more.
    """
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
            names = subjects or images
            problems.append(
                f'{len(names)} {kind} are in {uses}: {_list(names)}; files '
                f'{first.ann_file} and {second.ann_file}. Keep {rest} in one '
                'of them'
            )
    return problems


def _list(names: frozenset[str]) -> str:
    """The first names, and how many more there are."""
    listed = ', '.join(sorted(names)[:_MAX_LISTED])
    more = len(names) - _MAX_LISTED
    return f'{listed} and {more} more' if more > 0 else listed
