# Copyright (c) cape_mm contributors. All rights reserved.
"""Reading and checking of MP-100 annotation files.

A file is COCO style::

    {"images": [{"id": 1, "file_name": "mug/001.jpg",  # with its folder
                 "width": 640, "height": 480}],
     "annotations": [{"id": 1, "image_id": 1, "category_id": 7,
                      "bbox": [120, 80, 200, 220],  # x, y, w, h in pixels
                      "area": 44000, "iscrowd": 0, "num_keypoints": 2,
                      "keypoints": [130, 90, 2, 310, 95, 2, 0, 0, 0]}],
     "categories": [{"id": 7, "name": "mug", "supercategory": "kitchen",
                     "keypoints": ["rim left", "rim right", "handle"],
                     "skeleton": [[0, 1], [1, 2]],  # 0-based
                     "flip_pairs": [[0, 1]]}]}  # 0-based, optional

``keypoints`` of an annotation are x, y, v of each of the K keypoints of its
category. ``flip_pairs`` are keypoints that a mirror exchanges; without them
the names tell.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np
from mmengine.fileio import exists

from cape_mm.datasets.formats.annotation_report import AnnotationReport
from cape_mm.errors import DataError

from ..json_values import (
    as_box,
    as_flag,
    as_keypoints,
    as_number,
    is_number,
    read_json,
    shorten,
    unique_entries,
)
from ..plausibility import PlacedInstance, check_plausibility, counts_from_one

_REQUIRED = dict(
    images=('id', 'file_name', 'width', 'height'),
    annotations=('id', 'image_id', 'category_id'),
    categories=('id', 'name'),
)
_TYPES = {
    **dict.fromkeys(('id', 'image_id', 'category_id'), int),
    **dict.fromkeys(('file_name', 'name', 'supercategory'), str),
    **dict.fromkeys(('keypoints', 'skeleton', 'flip_pairs', 'bbox'), list),
}


@dataclass(frozen=True)
class Category:
    """One category and the meaning of its keypoints.

    Only ``id`` identifies a category: MP-100 has two called ``face``.

    Attributes:
        id (int): Category id of the annotation file.
        name (str): Name for humans, not unique.
        supercategory (str): Group of categories, empty where not given.
        keypoint_names (tuple[str, ...]): K names, not always distinct.
        skeleton (tuple[tuple[int, int], ...]): 0-based index pairs.
        num_keypoints (int): K, the same for all instances.
        flip_pairs (tuple[tuple[int, int], ...], optional): 0-based indices of
            left and right partners; None where not given.
    """

    id: int
    name: str
    supercategory: str
    keypoint_names: tuple[str, ...]
    skeleton: tuple[tuple[int, int], ...]
    num_keypoints: int
    flip_pairs: tuple[tuple[int, int], ...] | None = None

    def __str__(self) -> str:
        return f'{self.id} {self.name!r}'


def load_annotation_file(ann_file: str) -> dict[str, list[dict]]:
    """Lists of a file or URL, once it is sure to have the layout of MP-100."""
    if not ann_file or not exists(ann_file):
        raise FileNotFoundError(
            f'annotation file {ann_file!r} does not exist: correct ann_file '
            'or data_root (ann_file is relative to data_root)'
        )
    content = read_json(ann_file)
    for part, keys in _REQUIRED.items():
        entries = content.get(part) if isinstance(content, dict) else None
        if not isinstance(entries, list):
            raise DataError(
                f'annotation file {ann_file} has no list {part!r}; MP-100 '
                f'files hold the lists {sorted(_REQUIRED)}'
            )
        for number, entry in enumerate(entries):
            problem = _find_entry_problem(entry, keys)
            if problem:
                raise DataError(
                    f'annotation file {ann_file}: entry {number} of '
                    f'{part!r}{problem}'
                )
    for image in content['images']:
        size = [image['width'], image['height']]
        if not all(map(is_number, size)) or min(size) <= 0:
            raise DataError(
                f'annotation file {ann_file}: image {image["id"]} '
                f'({image["file_name"]}) has the size {size[0]} x {size[1]}; '
                'write its width and height in pixels'
            )
    return content


def clean_box(
    bbox: list[float], width: float, height: float
) -> np.ndarray | None:
    """Box (1, 4), float32, cut at the image's border; None if nothing is left.

    Both boxes are in original pixels: x, y, w, h become x1, y1, x2, y2. By the
    rule of all MP-100 loaders, width and height each shrink by one pixel. The
    result is also what PCK is normalised by.
    """
    x, y, w, h = bbox
    x1, y1 = max(0, x), max(0, y)
    x2 = min(width - 1, x1 + max(0, w - 1))
    y2 = min(height - 1, y1 + max(0, h - 1))
    if x2 <= x1 or y2 <= y1:
        return None
    return np.array([[x1, y1, x2, y2]], dtype=np.float32)


def parse_categories(
    content: dict[str, list[dict]],
    report: AnnotationReport,
    is_sure: bool = False,
) -> dict[int, Category]:
    """Read the categories by id, in the order of the file.

    K is the number of names. Without names it is the number of keypoints that
    most annotations have; names that contradict all of at least two
    annotations, which agree with each other, are dropped. Keypoints without
    name are called ``keypoint_<index>``. Invalid edges of a skeleton are
    dropped; a skeleton that provably counts from 1 is dropped as a whole,
    because all its edges would join the wrong keypoints. One that only seems
    to is counted, unless it ``is_sure`` not to. The same holds for flip
    pairs, in which a keypoint occurs once.
    """
    given: dict[int, list[list]] = defaultdict(list)
    for ann in content['annotations']:
        keypoints = ann.get('keypoints')
        if keypoints and isinstance(keypoints, list):
            given[ann['category_id']].append(keypoints)

    categories: dict[int, Category] = {}
    where = f"{report.ann_file}: 'categories'"
    entries = unique_entries(content['categories'], where, report)
    for category_id, entry in entries.items():
        name = str(entry['name'])
        where = f'category {category_id} {name!r}'
        counts = Counter(len(values) / 3 for values in given[category_id])
        names = _parse_names(entry, counts, where, report)
        skeleton = _parse_pairs(
            entry.get('skeleton') or [],
            *('skeleton', len(names), where, report),
        )
        if not is_sure and counts_from_one(skeleton, given[category_id]):
            report.add('one_based', where)
        categories[category_id] = Category(
            id=category_id,
            name=name,
            supercategory=str(entry.get('supercategory') or ''),
            keypoint_names=tuple(names),
            skeleton=skeleton,
            num_keypoints=len(names),
            flip_pairs=_parse_flip_pairs(entry, len(names), where, report),
        )
    return categories


def parse_instances(
    content: dict[str, list[dict]],
    categories: dict[int, Category],
    report: AnnotationReport,
) -> list[dict]:
    """Read all usable instances, ``img_path`` relative to the images.

    Images come in the order of the file, and the annotations of an image
    in the order of the file: published lists of MP-100 pairs count so.
    """
    where = f"{report.ann_file}: 'images'"
    images = unique_entries(content['images'], where, report)
    instances: dict[Any, list[dict]] = {image_id: [] for image_id in images}
    known, placed = set(), []
    for ann in content['annotations']:
        image = images.get(ann['image_id'])
        category = categories.get(ann['category_id'])
        file_name = image['file_name'] if image else 'no image'
        where = f'annotation {ann["id"]} ({file_name})'
        if ann['id'] in known:
            report.add('duplicate_id', where)
            continue
        known.add(ann['id'])
        try:
            problem = _find_problem(ann, image, category)
        except DataError as error:
            raise DataError(f'{report.ann_file}: {where}: {error}') from None
        if problem is not None:
            report.add(problem[0], f'{where}: {problem[1]}')
            continue
        keypoints = as_keypoints(ann['keypoints'], '', category.num_keypoints)
        x, y, w, h = ann['bbox']
        size = (image['width'], image['height'])
        box, names = np.array([x, y, x + w, y + h]), category.keypoint_names
        placed.append(PlacedInstance(where, keypoints, size, box, names))
        keypoints = keypoints.astype(np.float32)[None]
        instances[image['id']].append(
            dict(
                img_path=image['file_name'],
                img_id=image['id'],
                annotated_size=size,
                id=ann['id'],
                category_id=category.id,
                category_name=category.name,
                bbox=clean_box(ann['bbox'], *size),
                bbox_score=np.ones(1, dtype=np.float32),
                keypoints=keypoints[..., :2].copy(),  # (1, K, 2)
                # v = 1 (hidden) and v = 2 (visible) count the same.
                keypoints_visible=(keypoints[..., 2] > 0).astype(np.float32),
                num_keypoints=category.num_keypoints,
                dataset_name='mp100',
            )
        )
    if 2 * report.counts['not_finite'] > len(content['annotations']):
        raise DataError(
            f'{report.ann_file}: most annotations have NaN, infinite or no '
            f'numbers, e.g. {report.examples["not_finite"][0]}; correct them'
        )
    check_plausibility(placed, report)
    return [instance for group in instances.values() for instance in group]


def _find_entry_problem(entry: Any, keys: tuple[str, ...]) -> str:
    """Problem that makes an entry of a list unreadable; empty if none."""
    if not isinstance(entry, dict):
        entry = {}
    missing = [key for key in keys if entry.get(key) is None]
    if missing:
        return f' has no {", ".join(missing)}'
    for key in _TYPES.keys() & entry.keys():
        value = entry[key]
        if type(value) not in (_TYPES[key], type(None)):  # True is no id
            kind = _TYPES[key].__name__
            return f': {key} is {shorten(value)}, must be {kind}'
    return ''


def _parse_names(
    entry: dict, counts: Counter, where: str, report: AnnotationReport
) -> list[str]:
    """K names of the keypoints of one category."""
    names = entry.get('keypoints') or []
    whole = [int(count) for count in counts if count == int(count)]
    num_annotations = sum(counts.values())
    agree = len(counts) == 1 and len(whole) == 1 and num_annotations > 1
    if names and agree and len(names) != whole[0]:
        report.add(
            'keypoint_names',
            f'{where}: {len(names)} names, but all its {num_annotations} '
            f'annotations have {whole[0]} keypoints',
        )
        names = []
    if not names and whole:
        names = [''] * max(whole, key=lambda count: counts[count])
    return [
        str(name or f'keypoint_{index}') for index, name in enumerate(names)
    ]


def _parse_flip_pairs(
    entry: dict, num_keypoints: int, where: str, report: AnnotationReport
) -> tuple[tuple[int, int], ...] | None:
    """The valid flip pairs of one category; None if it has no such list."""
    given = entry.get('flip_pairs')
    if given is None:
        return None
    pairs, used = [], set()
    for pair in _parse_pairs(
        given, 'flip_pairs', num_keypoints, where, report
    ):
        if used & set(pair):
            report.add(
                'bad_flip_pairs',
                f'{where}: a keypoint of {list(pair)} is in another pair',
            )
        else:
            pairs.append(pair)
            used |= set(pair)
    return tuple(pairs)


def _parse_pairs(
    given: list,
    name: str,
    num_keypoints: int,
    where: str,
    report: AnnotationReport,
) -> tuple[tuple[int, int], ...]:
    """The valid pairs of keypoints in the list ``name`` of one category."""
    what = 'edge' if name == 'skeleton' else 'flip pair'
    edges, invalid, ends = [], [], []
    for edge in given:
        pair = edge if isinstance(edge, (list, tuple)) else ()
        ends += [end for end in pair if type(end) is int]
        is_pair = len(pair) == 2 and pair[0] != pair[1]
        if is_pair and all(
            type(end) is int and 0 <= end < num_keypoints for end in pair
        ):
            edges.append(tuple(pair))
        else:
            invalid.append(edge)
    if invalid and min(ends, default=0) == 1 and max(ends) == num_keypoints:
        report.add(
            f'bad_{name}',
            f'{where}: {name} seems to count from 1 (indices 1 to '
            f'{num_keypoints}); subtract 1 in the file',
        )
        return ()
    for edge in invalid:
        report.add(
            f'bad_{name}',
            f'{where}: {what} {edge} is no pair of two different indices in '
            f'0..{num_keypoints - 1}',
        )
    return tuple(edges)


def _find_problem(
    ann: dict, image: dict | None, category: Category | None
) -> tuple[str, str] | None:
    """Kind and description of what makes an annotation unusable."""
    if image is None:
        return 'unknown_image', f'image_id {ann["image_id"]} is not listed'
    if category is None:
        text = f'category_id {ann["category_id"]} is not listed'
        return 'unknown_category', text
    if as_flag(ann.get('iscrowd'), 'iscrowd'):
        return 'crowd', f'iscrowd is {ann["iscrowd"]}'
    for key in ('bbox', 'keypoints'):
        if not ann.get(key):
            return f'no_{key}', f'no list {key!r}'
    count = len(ann['keypoints']) / 3
    if count != category.num_keypoints:
        return (
            'keypoint_count',
            f'{count:g} keypoints, but category {category} has '
            f'{category.num_keypoints}',
        )
    area = 1 if ann.get('area') is None else ann['area']
    try:
        as_box(ann['bbox'], 'bbox')
        as_number(area, 'area')
        keypoints = as_keypoints(
            ann['keypoints'], 'keypoints', category.num_keypoints
        )
    except DataError as error:
        return 'not_finite', str(error)
    if area <= 0:
        return 'no_area', f'area is {ann["area"]}'
    if keypoints[:, 2].max() <= 0 or ann.get('num_keypoints') == 0:
        return 'no_visible_keypoint', 'no visible keypoint'
    if clean_box(ann['bbox'], image['width'], image['height']) is None:
        return (
            'degenerate_box',
            f'nothing is left of bbox {ann["bbox"]} in an image of '
            f'{image["width"]} x {image["height"]} pixels',
        )
    return None
