# Copyright (c) cape_mm contributors. All rights reserved.
"""COCO keypoints, as CVAT, Label Studio, Roboflow, COCO Annotator write them.

Read by hand: datumaro wants its own tree of folders and keeps skeletons as
they are, sleap-io knows no boxes and no hidden keypoints. Written with
skeletons that count from 1, as COCO's own; ``info`` says so.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from cape_mm.datasets.formats.mp100.annotation_file import (
    Category,
    parse_categories,
)
from cape_mm.errors import DataError, shorten

from ..json_values import as_flag, read_json, unique_entries
from .annotations import Annotations, write_image
from .collector import Collector
from .mp100_folder import to_coco
from .repairs import to_number

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
    categories = parse_categories(content, collector.report, is_sure=True)
    for category in categories.values():
        if type(category.id) is int:
            collector.source_ids.setdefault(category.name, category.id)
    info = content.get('info')
    # Label Studio swaps the sizes of images with an EXIF rotation.
    has_sizes = not isinstance(info, dict) or (
        info.get('contributor') != 'Label Studio'
    )
    search, images = collector.search(file), {}
    where = f"{file}: 'images'"
    entries = unique_entries(content['images'], where, collector.report)
    for image in entries.values():
        size = [image.get('width'), image.get('height')] if has_sizes else ()
        source = images[image['id']] = collector.open_image(
            search, image['file_name'], size
        )
        if source is not None and type(image['id']) is int:
            source.image.image_id = image['id']
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
            name,
            names,
            category.skeleton,
            category.supercategory,
            category.flip_pairs,
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
                is_typed = isinstance(value, kind) and value is not True
                if not is_absent and not is_typed:
                    raise DataError(f'{where}: {key} is {shorten(value)}')
            as_flag(entry.get('iscrowd'), f'{where}: iscrowd')


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
    info = content.get('info')
    is_declared = isinstance(info, dict) and 'skeleton_base' in info
    if base == 'auto' and is_declared:
        base = str(info['skeleton_base'])
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
    if not is_declared:
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


def is_coco_results(content: Any) -> bool:
    """Whether the content of a JSON file is that of COCO results."""
    return (
        isinstance(content, list)
        and bool(content)
        and all(
            isinstance(entry, dict)
            and {'image_id', 'category_id', 'keypoints'} <= {*entry}
            for entry in content
        )
    )


def read_coco_results(file: Path, content: list, collector: Collector) -> None:
    """Read results of keypoints; their dataset is a COCO file beside them."""
    ids = {entry['image_id'] for entry in content}
    found = {}
    for path in sorted(file.parent.glob('*.json')):
        try:
            dataset = read_json(path)
        except DataError:
            continue
        if is_coco(dataset) and ids <= {
            i.get('id') for i in dataset['images']
        }:
            found[path] = dataset
    if len(found) != 1:
        names = ', '.join(path.name for path in found) or 'none'
        raise DataError(
            f'{file}: beside results there must be one COCO file with their '
            f'images and categories, there is {names}'
        )
    path, dataset = found.popitem()
    read_coco(path, dict(dataset, annotations=content), collector)


def write_coco(
    annotations: Annotations, out_dir: Path, link: bool = True
) -> list[str]:
    """Write ``annotations/person_keypoints_default.json`` and ``images``.

    These are the names of CVAT and datumaro, whatever the categories.
    Skeletons count from 1; ``score``, ``keypoint_scores`` and ``track_id``
    are further keys.
    """
    for image in annotations.images:
        write_image(image, out_dir / 'images' / 'default' / image.name, link)
    content = _to_dataset(annotations)
    path = out_dir / 'annotations' / 'person_keypoints_default.json'
    path.parent.mkdir(parents=True)
    path.write_text(
        json.dumps(content, allow_nan=False) + '\n', encoding='utf-8'
    )
    count = len(content['annotations'])
    return [f'{path}: {len(content["images"])} images, {count} instances']


def write_coco_results(
    annotations: Annotations, out_dir: Path, link: bool = True
) -> list[str]:
    """Write ``results.json``, and ``dataset.json`` without annotations.

    Results are what ``pycocotools`` takes in ``loadRes``. Images keep the ids
    of the COCO file that they come from, if there is one. ``keypoints`` are
    x, y, v, and ``keypoint_scores`` their scores; without scores an instance
    has 1.
    """
    content = _to_dataset(annotations)
    keys = ('image_id', 'category_id', 'bbox', 'keypoints')
    results = []
    for entry in content['annotations']:
        result = {key: entry[key] for key in keys}
        result['score'] = entry.get('score', 1.0)
        if 'keypoint_scores' in entry:
            result['keypoint_scores'] = entry['keypoint_scores']
        results.append(result)
    out_dir.mkdir(parents=True, exist_ok=True)
    parts = dict(results=results, dataset=dict(content, annotations=[]))
    for name, part in parts.items():
        path = out_dir / f'{name}.json'
        path.write_text(
            json.dumps(part, allow_nan=False) + '\n', encoding='utf-8'
        )
    count = f'{len(results)} instances on {len(content["images"])} images'
    return [f'{out_dir / "results.json"}: {count}']


def _to_dataset(annotations: Annotations) -> dict[str, Any]:
    """Content of a COCO file whose skeletons count from 1."""
    content: dict[str, Any] = dict(
        info=dict(description='written by cape_mm', skeleton_base=1),
        licenses=[],
        **to_coco(annotations, keep_ids=True),
    )
    for entry in content['annotations']:
        entry['segmentation'] = []  # datumaro misses it
    for category in content['categories']:
        category['skeleton'] = [
            [end + 1 for end in edge] for edge in category['skeleton']
        ]
    return content
