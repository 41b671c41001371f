# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

PARTS = ('train', 'val', 'test')
SPLITS = (1, 2, 3, 4, 5)
_SIZES = dict(train=70, val=10, test=20)


def check_splits(contents: dict[str, dict[str, list[dict]]]) -> dict:
    """Check what the 15 annotation files promise together.

    Args:
        contents (Dict[str, dict]): Loaded annotation files by name.

    Returns:
        dict: ``missing_files``; ``other_files``; ``overlaps``: categories in
        two parts of a split; ``sizes``: files with another number of
        categories than 70, 10, 20; ``not_tested_once``: categories that are
        not in exactly one test file, empty unless all test files are there;
        ``contradictions``: categories that files define differently.
    """
    expected = {
        f'mp100_split{split}_{part}.json': (split, part)
        for split in SPLITS
        for part in PARTS
    }
    found = {name: expected[name] for name in contents if name in expected}
    ids = {
        key: [category['id'] for category in contents[name]['categories']]
        for name, key in found.items()
    }
    overlaps = []
    for split in SPLITS:
        where = defaultdict(list)
        for part in PARTS:
            for category_id in ids.get((split, part), []):
                where[category_id].append(part)
        overlaps += [
            dict(split=split, category_id=key, parts=parts)
            for key, parts in where.items()
            if len(parts) > 1
        ]
    tested: Counter = Counter()
    for split in SPLITS:
        tested.update(ids.get((split, 'test'), []))
    everything = {key for keys in ids.values() for key in keys}
    all_tests = all((split, 'test') in ids for split in SPLITS)
    return dict(
        missing_files=[name for name in expected if name not in contents],
        other_files=[name for name in contents if name not in expected],
        overlaps=overlaps,
        sizes={
            name: len(ids[key])
            for name, key in found.items()
            if len(ids[key]) != _SIZES[key[1]]
        },
        not_tested_once=sorted(
            key for key in everything if all_tests and tested[key] != 1
        ),
        contradictions=_find_contradictions(contents),
    )


def _find_contradictions(contents: dict[str, dict]) -> list[Any]:
    """Categories whose names or skeletons differ between files."""
    first: dict[Any, tuple] = {}
    different = set()
    for content in contents.values():
        for category in content['categories']:
            meaning = (
                category['name'],
                category.get('keypoints'),
                category.get('skeleton'),
            )
            if first.setdefault(category['id'], meaning) != meaning:
                different.add(category['id'])
    return sorted(different)
