# Copyright (c) cape_mm contributors. All rights reserved.
"""Training, validation and test that share no person and no image."""

from __future__ import annotations

import random
import re
from collections import defaultdict
from typing import Sequence

import numpy as np

from cape_mm.datasets.formats.annotation_report import AnnotationReport

from .coco_file import CephalometricRecord

_NAMES = dict(
    training='train', dev='val', valid='val', validation='val', testing='test'
)


def name_part(text: str, where: str) -> str:
    """Give a part of a dataset its usual name.

    Args:
        text (str): Such as ``'dev'``.
        where (str): File and record, for messages.

    Returns:
        str: Such as ``'val'``.

    Raises:
        ValueError: If it cannot be part of the name of a file.
    """
    name = str(text).strip().lower()
    if not re.fullmatch(r'[a-z][a-z0-9]*', name) or name in ('nan', 'none'):
        raise ValueError(
            f'{where}: {text!r} is no part of a dataset: write train, val '
            'or test'
        )
    return _NAMES.get(name, name)


def group_cephalograms(
    records: Sequence[CephalometricRecord], digests: Sequence[str]
) -> list[list[int]]:
    """Find what must stay together: cephalograms of a person, equal images.

    Args:
        records (Sequence[CephalometricRecord]): N cephalograms.
        digests (Sequence[str]): N hashes of their images.

    Returns:
        List[List[int]]: Groups of positions, in the order of their first.
    """
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


def split_at_random(
    records: Sequence[CephalometricRecord],
    digests: Sequence[str],
    shares: dict[str, float],
    seed: int,
) -> dict[str, list[int]]:
    """Split cephalograms by persons, with a generator of its own.

    Args:
        records (Sequence[CephalometricRecord]): N cephalograms.
        digests (Sequence[str]): N hashes of their images.
        shares (Dict[str, float]): Share of the cephalograms of each part but
            ``'train'``, which gets the rest.
        seed (int): Of the generator.

    Returns:
        Dict[str, List[int]]: Positions of the cephalograms of each part.

    Raises:
        ValueError: If a part would be empty.
    """
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
            f'{len(records)} images of {len(groups)} persons or images leave '
            f'nothing for {", ".join(empty)}: change the shares ({shares})'
        )
    return {part: sorted(indices) for part, indices in parts.items()}


def split_as_baseline(
    count: int, seed: int, sizes: Sequence[int]
) -> dict[str, list[int]]:
    """Split as the published baselines of the CL-Detection challenges do.

    Python's generator shuffles the cephalograms in the order of the data; the
    first ones are for training, then validation, the rest for the test.

    Args:
        count (int): Number of cephalograms.
        seed (int): 2023 or 2024, as the challenge.
        sizes (Sequence[int]): Cephalograms for training and for validation.

    Returns:
        Dict[str, List[int]]: Positions of the cephalograms of each part.

    Raises:
        ValueError: If nothing is left for the test.
    """
    train, val = sizes
    if count <= train + val:
        raise ValueError(
            f'the baseline takes {train} images for training and {val} for '
            f'validation, but there are {count}: leave out --baseline-split'
        )
    order = list(range(count))
    random.Random(seed).shuffle(order)
    return dict(
        train=order[:train],
        val=order[train : train + val],
        test=order[train + val :],
    )


def given_split(
    records: Sequence[CephalometricRecord],
) -> dict[str, list[int]]:
    """Take the split that the dataset gives.

    Args:
        records (Sequence[CephalometricRecord]): Cephalograms, with ``split``
            in ``extra``.

    Returns:
        Dict[str, List[int]]: Positions of the cephalograms of each part; empty
        if no cephalogram says which.

    Raises:
        ValueError: If some cephalograms do not say.
    """
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
    """Refuse a person in two parts, and report equal images.

    Args:
        records (Sequence[CephalometricRecord]): N cephalograms.
        digests (Sequence[str]): N hashes of their images.
        parts (Dict[str, List[int]]): Positions of the cephalograms of each
            part.
        report (AnnotationReport): Counts equal images.

    Raises:
        ValueError: If a person is in two parts.
    """
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
