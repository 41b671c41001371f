# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any, Sequence

from cape_mm.datasets.formats.annotation_report import (
    PROBLEMS,
    AnnotationReport,
)
from cape_mm.datasets.formats.mp100.annotation import parse_instances
from cape_mm.datasets.formats.mp100.categories import parse_categories
from cape_mm.datasets.formats.mp100.pair_list import protocol_objects

from .lost_pairs import EPISODES, count_lost_pairs
from .source_names import source_of


def check_annotation_file(
    path: Path,
    content: dict[str, list[dict]],
    states: dict[str, str],
    shots: Sequence[int] = (1, 5),
    num_queries: int = 15,
) -> dict:
    """Check one annotation file, and what of it can be used.

    Args:
        path (Path): The file; its name says which part it is.
        content (Dict[str, List[dict]]): What is in it.
        states (Dict[str, str]): From :func:`check_images`.
        shots (Sequence[int]): Numbers of shots for which pairs are counted.
            Defaults to (1, 5).
        num_queries (int): Queries per episode. Defaults to 15.

    Returns:
        dict: Plain values; the keys are those of the JSON report.
    """
    report = AnnotationReport(str(path))
    categories = parse_categories(content, report)
    instances = parse_instances(content, categories, report)
    objects = protocol_objects(content)
    names = {image['id']: image['file_name'] for image in content['images']}
    available = {
        ann['id']
        for ann in content['annotations']
        if states.get(names.get(ann['image_id'])) == 'ok'
    }
    part = path.stem.rpartition('_')[2]
    rows = _category_rows(content, states, objects, available)
    for row in rows:
        category = categories[row['id']]
        row['keypoints'] = category.num_keypoints
        row['skeleton_edges'] = len(category.skeleton)
    effects = []
    if part in EPISODES:
        effects = [
            count_lost_pairs(objects, available, part, number, num_queries)
            for number in shots
        ]
    return dict(
        file=path.name,
        part=part,
        images=len(content['images']),
        annotations=len(content['annotations']),
        usable_objects=len(instances),
        protocol_objects=sum(map(len, objects.values())),
        problems={
            kind: dict(
                count=count,
                meaning=PROBLEMS[kind],
                examples=report.examples[kind],
            )
            for kind, count in report.counts.items()
        },
        states=dict(
            Counter(states[name] for name in sorted(set(names.values())))
        ),
        categories=rows,
        sources=_source_rows(content, states),
        without_skeleton=[
            row['id'] for row in rows if not row['skeleton_edges']
        ],
        effects=effects,
        # training draws one query an episode
        too_small_for_training={
            number: [row['id'] for row in rows if row['available'] <= number]
            for number in (shots if part == 'train' else ())
        },
    )


def _category_rows(
    content: dict[str, list[dict]],
    states: dict[str, str],
    objects: dict[Any, list[Any]],
    available: set[Any],
) -> list[dict]:
    """Images and objects of each category."""
    images = {image['id']: image for image in content['images']}
    seen: dict[Any, dict[str, dict]] = {key: {} for key in objects}
    for ann in content['annotations']:
        image = images.get(ann['image_id'])
        if image is not None and ann['category_id'] in seen:
            seen[ann['category_id']][image['file_name']] = image
    rows = []
    for category in content['categories']:
        file_names = seen[category['id']]
        counts = Counter(states[name] for name in file_names)
        ids = objects[category['id']]
        sources = {source_of(i, category) for i in file_names.values()}
        rows.append(
            dict(
                id=category['id'],
                name=category['name'],
                supercategory=category.get('supercategory', ''),
                sources=sorted(sources),
                images=len(file_names),
                states=dict(counts),
                missing=sorted(
                    n for n in file_names if states[n] == 'missing'
                ),
                objects=len(ids),
                available=sum(ann_id in available for ann_id in ids),
            )
        )
    return rows


def _source_rows(
    content: dict[str, list[dict]], states: dict[str, str]
) -> dict[str, dict]:
    """Images by the dataset that they come from."""
    categories = {c['id']: c for c in content['categories']}
    images = {image['id']: image for image in content['images']}
    file_names: dict[str, set[str]] = {}
    for ann in content['annotations']:
        image = images.get(ann['image_id'])
        category = categories.get(ann['category_id'])
        if image is not None and category is not None:
            source = source_of(image, category)
            file_names.setdefault(source, set()).add(image['file_name'])
    return {
        source: dict(
            images=len(names),
            states=dict(Counter(states[name] for name in names)),
        )
        for source, names in sorted(file_names.items())
    }
