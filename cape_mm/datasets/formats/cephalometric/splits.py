# Copyright (c) cape_mm contributors. All rights reserved.
"""Training, validation and test that share no person and no image."""

from __future__ import annotations

import random
from collections import defaultdict
from typing import Sequence

import numpy as np

from cape_mm.datasets.formats.annotation_report import AnnotationReport
from cape_mm.errors import DataError

from .reading import CephalometricRecord


def split_cephalograms(
    records: Sequence[CephalometricRecord],
    digests: Sequence[str],
    shares: tuple[float, float],
    seed: int,
    val_share: float = 0.0,
) -> dict[str, list[int]]:
    """Indices of each part: as given, or random shares of (val, test)."""
    parts = given_split(records)
    if not parts:
        val, test = shares
        return split_at_random(
            records, digests, dict(val=val, test=test), seed
        )
    if not val_share:
        return parts
    if 'val' in parts:
        raise DataError(
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
    """Split as the published baseline of CL-Detection <seed> does."""
    train, val = sizes
    count = len(records)
    if count <= train + val:
        raise DataError(
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
        raise DataError(
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
        raise DataError(
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
        raise DataError(
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
                raise DataError(
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
