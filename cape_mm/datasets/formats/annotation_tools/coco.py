# Copyright (c) cape_mm contributors. All rights reserved.
"""COCO keypoints, as CVAT, Label Studio, Roboflow, COCO Annotator write them.

Read by hand: datumaro wants its own tree of folders and keeps skeletons as
they are, sleap-io knows no boxes and no hidden keypoints.
"""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from cape_mm.datasets.formats.mp100.annotation_file import (
    Category,
    parse_categories,
)
from cape_mm.errors import DataError

from .collector import Collector, to_number

_PARTS = dict(
    images=dict(id=(int, str), file_name=str),
    annotations=dict(image_id=(int, str), category_id=(int, str)),
    categories=dict(id=(int, str), name=str),
)


def is_coco(content: Any) -> bool:
    """Whether the content of a JSON file is that of a COCO file."""
    return isinstance(content, dict) and {*_PARTS} <= {*content}


def read_coco(file: Path, content: dict, collector: Collector) -> None:
    """Read a COCO file."""
    _check(content, file)
    for annotation in content['annotations']:
        # other shapes have no say in the number of keypoints
        annotation['keypoints'] = annotation.get('keypoints') or []
    counts = Counter(entry['name'] for entry in content['categories'])
    for entry in content['categories']:
        if counts[entry['name']] > 1:  # MP-100 has two faces
            entry['name'] += f' {entry["id"]}'
        entry['skeleton'] = _to_zero_based(entry, content, collector)
    categories = parse_categories(content, collector.report)
    info = content.get('info')
    # Label Studio swaps the sizes of images with an EXIF rotation.
    has_sizes = not isinstance(info, dict) or (
        info.get('contributor') != 'Label Studio'
    )
    search, images = collector.search(file), {}
    for image in content['images']:
        size = [image.get('width'), image.get('height')] if has_sizes else ()
        if image['id'] in images:
            collector.report.add('duplicate_id', f'image {image["id"]}')
            continue
        images[image['id']] = collector.open_image(
            search, image['file_name'], size
        )
    for number, annotation in enumerate(content['annotations']):
        category = categories.get(annotation['category_id'])
        is_known = annotation['image_id'] in images
        problem = _find_problem(annotation, is_known, category)
        if problem:
            name = f'annotation {annotation.get("id", number)}'
            collector.report.add(problem[0], f'{name}: {problem[1]}')
            continue
        source = images[annotation['image_id']]
        if source is None:
            continue
        name, names = category.name, category.keypoint_names
        collector.where = str(file)
        collector.declare(
            name, names, category.skeleton, category.supercategory
        )
        collector.add(
            source,
            name,
            names,
            np.reshape(annotation['keypoints'], (-1, 3)),
            _to_corners(annotation.get('bbox')),
            is_ternary=False,
            **_extra(annotation, len(names)),
        )


def _check(content: dict, file: Path) -> None:
    """Refuse entries that are not COCO's."""
    optional = dict.fromkeys(('keypoints', 'skeleton', 'bbox'), list)
    for part, types in _PARTS.items():
        entries = content[part]
        for number, entry in enumerate(
            entries if isinstance(entries, list) else [None]
        ):
            where = f'{file}: entry {number} of {part!r}'
            if not isinstance(entry, dict):
                raise DataError(f'{where} is no object')
            for key, kind in {**types, **optional}.items():
                value = entry.get(key)
                is_absent = key in optional and value is None
                if not (is_absent or isinstance(value, kind)):
                    raise DataError(f'{where}: {key} is {value!r}')


def _find_problem(
    annotation: dict, is_known: bool, category: Category | None
) -> tuple[str, str] | None:
    """Kind and description of what makes an annotation unusable."""
    if not is_known:
        return 'unknown_image', f'image {annotation["image_id"]}'
    if category is None:
        return 'unknown_category', f'category {annotation["category_id"]}'
    if annotation.get('iscrowd'):
        return 'crowd', f'iscrowd is {annotation["iscrowd"]}'
    if not annotation['keypoints']:
        return 'no_keypoints', str(category)
    count = len(annotation['keypoints']) / 3
    if count != category.num_keypoints:
        expected = f'{category} has {category.num_keypoints}'
        return 'keypoint_count', f'{count:g} keypoints, {expected}'
    return None


def _to_zero_based(
    category: dict, content: dict, collector: Collector
) -> list:
    """Skeleton that counts from 0; empty if that is not clear."""
    edges = category.get('skeleton') or []
    lists = [edge for edge in edges if isinstance(edge, list)]
    ends = {end for edge in lists for end in edge if type(end) is int}
    base, name = collector.skeleton_base, repr(category['name'])
    if not ends:
        return edges
    if base == 'auto':
        count = len(category.get('keypoints') or ()) or max(
            len(annotation['keypoints']) // 3
            for annotation in content['annotations']
            if annotation['category_id'] == category['id']
        )
        # 0 exists only if they count from 0, K only if from 1
        if (0 in ends) == (count in ends):
            text = f'{name}: 0 and {count} both occur or both do not'
            collector.report.add('unclear_skeleton', text)
            return []
        base = '0' if 0 in ends else '1'
    if base == '0':
        return edges
    collector.report.add('skeleton_base', name)
    return [
        [end - 1 if type(end) is int else end for end in edge]
        for edge in lists
    ]


def _to_corners(bbox: list | None) -> list[float] | None:
    """Box x1, y1, x2, y2; None if there is none."""
    if not bbox or len(bbox) != 4:
        return None
    x, y, w, h = map(to_number, bbox)
    return [x, y, x + w, y + h] if w > 0 and h > 0 else None


def _extra(annotation: dict, num_keypoints: int) -> dict[str, Any]:
    """Scores and track of an annotation."""
    extra: dict[str, Any] = {}
    attributes = annotation.get('attributes')  # CVAT's
    places = [annotation, attributes if isinstance(attributes, dict) else {}]
    for place in places:
        if type(place.get('track_id')) is int:
            extra['track_id'] = place['track_id']
    if math.isfinite(to_number(annotation.get('score'))):
        extra['score'] = to_number(annotation['score'])
    scores = annotation.get('keypoint_scores')
    if isinstance(scores, list) and len(scores) == num_keypoints:
        extra['keypoint_scores'] = [to_number(score) for score in scores]
    return extra
