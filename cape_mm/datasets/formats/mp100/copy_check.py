# Copyright (c) cape_mm contributors. All rights reserved.
"""Check of a copy of MP-100: its files, its images, what can be evaluated."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path
from typing import Any, Sequence

from cape_mm.datasets.formats.annotation_report import (
    PROBLEMS,
    AnnotationReport,
)
from cape_mm.datasets.formats.image_check import check_images
from cape_mm.datasets.formats.image_paths import check_image_names

from .annotation_file import (
    load_annotation_file,
    parse_categories,
    parse_instances,
)
from .pair_list import EPISODES, draw_pair_list, protocol_instances
from .source_images import find_matches, join_annotations, source_of

SPLITS = (1, 2, 3, 4, 5)
#: Categories of the parts of a split.
SIZES = dict(train=70, val=10, test=20)


def check_copy(
    annotations: Path,
    image_root: Path,
    carfusion: Path | None = None,
    deepfashion2: Path | None = None,
    decode: bool = True,
    num_queries: int = 15,
    allow_outside: bool = False,
) -> dict:
    """Check a copy of MP-100 against its annotation files; plain values.

    ``splits`` is about the 15 files together, ``files`` about each,
    ``bad_images`` are states and ``remarks`` those on images by file name,
    ``proven`` and ``unproven`` are those of :func:`find_matches`, which
    describes the downloads. ``allow_outside`` accepts images outside of
    ``image_root``.
    """
    files = sorted(annotations.glob('*.json'))
    if not files:
        raise FileNotFoundError(
            f'no annotation files (*.json) in {annotations}'
        )
    for folder in (carfusion, deepfashion2):
        if folder is not None and not folder.is_dir():
            raise FileNotFoundError(f'there is no folder {folder}')
    contents = {f.name: load_annotation_file(str(f)) for f in files}
    images = {
        image['file_name']: image
        for content in contents.values()
        for image in content['images']
    }
    check_image_names(
        images, image_root, annotations, allow_outside, 'give --allow-outside'
    )
    remarks: dict[str, list[str]] = {}
    states = check_images(list(images.values()), image_root, decode, remarks)
    proven, unproven = find_matches(
        list(contents.values()), states, image_root, carfusion, deepfashion2
    )
    return dict(
        annotations=str(annotations),
        images=str(image_root),
        splits=check_splits(contents),
        files=[
            check_annotation_file(
                file, contents[file.name], states, num_queries=num_queries
            )
            for file in files
        ],
        bad_images={k: v for k, v in states.items() if v != 'ok'},
        remarks=remarks,
        proven=proven,
        unproven=unproven,
    )


def check_splits(contents: dict[str, dict[str, list[dict]]]) -> dict:
    """Check what the 15 files promise together; empty values are sound."""
    expected = {
        f'mp100_split{split}_{part}.json': (split, part)
        for split in SPLITS
        for part in SIZES
    }
    ids = {
        key: [category['id'] for category in contents[name]['categories']]
        for name, key in expected.items()
        if name in contents
    }
    parts_of: dict[tuple, list[str]] = defaultdict(list)
    for (split, part), keys in ids.items():
        for key in keys:
            parts_of[split, key].append(part)
    tests = [ids.get((split, 'test')) for split in SPLITS]
    tested = Counter(key for test in tests for key in test or ())
    return dict(
        missing_files=[name for name in expected if name not in contents],
        other_files=[name for name in contents if name not in expected],
        overlaps=[
            dict(split=split, category_id=key, parts=parts)
            for (split, key), parts in parts_of.items()
            if len(parts) > 1
        ],
        sizes={
            name: len(ids[key])
            for name, key in expected.items()
            if key in ids and len(ids[key]) != SIZES[key[1]]
        },
        not_tested_once=sorted(
            key
            for key in set().union(*ids.values())
            if None not in tests and tested[key] != 1
        ),
        contradictions=_find_contradictions(contents),
    )


def _find_contradictions(contents: dict[str, dict]) -> list[Any]:
    """Ids of categories whose names or skeletons differ between files."""
    first: dict[Any, tuple] = {}
    different = set()
    for content in contents.values():
        for category in content['categories']:
            keys = ('name', 'keypoints', 'skeleton')
            meaning = tuple(category.get(key) for key in keys)
            if first.setdefault(category['id'], meaning) != meaning:
                different.add(category['id'])
    return sorted(different)


def check_annotation_file(
    path: Path,
    content: dict[str, list[dict]],
    states: dict[str, str],
    shots: Sequence[int] = (1, 5),
    num_queries: int = 15,
) -> dict:
    """Check one annotation file, and what of it can be used."""
    report = AnnotationReport(str(path))
    categories = parse_categories(content, report)
    usable = parse_instances(content, categories, report)
    instances = protocol_instances(content)
    available: set[int] = set()
    names_of: dict[Any, set[str]] = defaultdict(set)  # by category
    sources_of: dict[Any, set[str]] = defaultdict(set)  # by category
    names_of_source: dict[str, set[str]] = defaultdict(set)
    for ann, image, category in join_annotations(content):
        name, source = image['file_name'], source_of(image, category)
        names_of[category['id']].add(name)
        sources_of[category['id']].add(source)
        names_of_source[source].add(name)
        if states[name] == 'ok':
            available.add(ann['id'])

    def count_states(names: set[str]) -> dict:
        count = Counter(states[name] for name in sorted(names))
        return dict(images=len(names), states=dict(count))

    rows = []
    for entry in content['categories']:
        key = entry['id']
        ids, names, category = instances[key], names_of[key], categories[key]
        rows.append(
            dict(
                id=key,
                name=entry['name'],
                supercategory=entry.get('supercategory', ''),
                sources=sorted(sources_of[key]),
                **count_states(names),
                missing=sorted(n for n in names if states[n] == 'missing'),
                instances=len(ids),
                available=len(available.intersection(ids)),
                keypoints=category.num_keypoints,
                skeleton_edges=len(category.skeleton),
            )
        )
    part = path.stem.rpartition('_')[2]
    all_names = {image['file_name'] for image in content['images']}
    return dict(
        file=path.name,
        part=part,
        images=len(content['images']),
        annotations=len(content['annotations']),
        usable_instances=len(usable),
        protocol_instances=sum(map(len, instances.values())),
        problems={
            kind: dict(
                count=count,
                meaning=PROBLEMS[kind],
                examples=report.examples[kind],
            )
            for kind, count in report.counts.items()
        },
        states=count_states(all_names)['states'],
        categories=rows,
        sources={
            source: count_states(names)
            for source, names in sorted(names_of_source.items())
        },
        without_skeleton=[
            row['id'] for row in rows if not row['skeleton_edges']
        ],
        effects=[
            count_lost_pairs(instances, available, part, number, num_queries)
            for number in (shots if part in EPISODES else ())
        ],
        # training draws one query an episode
        too_small_for_training={
            number: [row['id'] for row in rows if row['available'] <= number]
            for number in (shots if part == 'train' else ())
        },
    )


def count_lost_pairs(
    instances: dict[int, list[int]],
    available: set[int],
    part: str,
    num_shots: int,
    num_queries: int,
) -> dict:
    """Count the pairs of validation or test that missing images cost."""
    need = num_shots + num_queries
    pairs = draw_pair_list(
        instances, num_shots, num_queries, EPISODES[part], seed=1
    )
    whole, kept = (
        Counter(e.category_id for e in some.episodes for _ in e.queries)
        for some in (pairs, pairs.keep(available))
    )
    lost = whole - kept
    total = sum(lost.values())
    return dict(
        shots=num_shots,
        queries=num_queries,
        sha256=pairs.sha256,
        pairs=pairs.num_pairs,
        lost=total,
        lost_share=total / pairs.num_pairs if pairs.num_pairs else 0.0,
        lost_by_category=dict(lost),
        too_small=[key for key, ids in instances.items() if len(ids) < need],
        fell_below=[
            key
            for key, ids in instances.items()
            if sum(i in available for i in ids) < need <= len(ids)
        ],
    )
