# Copyright (c) cape_mm contributors. All rights reserved.
"""Reading and checking of MP-100 annotation files.

A file is COCO style: ``images`` (id, file_name with folder, width, height),
``annotations`` (id, image_id, category_id, bbox xywh in pixels, area,
iscrowd, num_keypoints, keypoints as flat x, y, v with the K of the category)
and ``categories`` (id, name, supercategory, keypoints, 0-based skeleton).
"""

from __future__ import annotations

import json
from typing import Any, Optional, Tuple

import numpy as np
from mmengine.fileio import exists, get_text

from cape_mm.datasets.formats.annotation_report import AnnotationReport
from cape_mm.errors import DataError
from cape_mm.structures import Category

_REQUIRED = dict(
    images=('id', 'file_name', 'width', 'height'),
    annotations=('id', 'image_id', 'category_id'),
    categories=('id', 'name'),
)
_PROBLEM = Optional[Tuple[str, str]]
_TYPES = dict(
    id=int,
    image_id=int,
    category_id=int,
    file_name=str,
    name=str,
    supercategory=str,
    keypoints=list,
    skeleton=list,
    bbox=list,
)


def load_annotation_file(ann_file: str) -> dict[str, list[dict]]:
    """Load the file and make sure that it has the layout of MP-100.

    Args:
        ann_file (str): Path or URL of the JSON file.

    Returns:
        Dict[str, List[dict]]: ``images``, ``annotations``, ``categories``.

    Raises:
        FileNotFoundError: If there is no such file.
        DataError: If it is no JSON or lacks a part.
    """
    if not ann_file or not exists(ann_file):
        raise FileNotFoundError(
            f'annotation file {ann_file!r} does not exist: correct ann_file '
            'or data_root (ann_file is relative to data_root)'
        )
    try:
        content = json.loads(get_text(ann_file))
    except ValueError as error:
        raise DataError(
            f'annotation file {ann_file} is no valid JSON, perhaps it was '
            f'not written or downloaded completely: {error}'
        ) from error
    for part, keys in _REQUIRED.items():
        entries = content.get(part) if isinstance(content, dict) else None
        if not isinstance(entries, list):
            raise DataError(
                f'annotation file {ann_file} has no list {part!r}; MP-100 '
                f'files hold the lists {sorted(_REQUIRED)}'
            )
        for number, entry in enumerate(entries):
            missing = [
                key
                for key in keys
                if not isinstance(entry, dict) or entry.get(key) is None
            ]
            if missing:
                raise DataError(
                    f'annotation file {ann_file}: entry {number} of '
                    f'{part!r} has no {", ".join(missing)}'
                )
            for key in _TYPES.keys() & entry.keys():
                value = entry[key]
                if value is not None and not isinstance(value, _TYPES[key]):
                    raise DataError(
                        f'annotation file {ann_file}: entry {number} of '
                        f'{part!r}: {key} is {value!r}, must be '
                        f'{_TYPES[key].__name__}'
                    )
    for image in content['images']:
        size = [image['width'], image['height']]
        if not _all_finite(size) or min(size) <= 0:
            raise DataError(
                f'annotation file {ann_file}: image {image["id"]} '
                f'({image["file_name"]}) has the size {size[0]} x {size[1]}; '
                'write its width and height in pixels'
            )
    return content


def clean_box(
    bbox: list[float], width: float, height: float
) -> np.ndarray | None:
    """Cut a box at the image's border, by the rule of all MP-100 loaders.

    Width and height each shrink by one pixel. The result is also what PCK is
    normalised by.

    Args:
        bbox (List[float]): x, y, width, height in original pixels.
        width (float): Width of the image in pixels.
        height (float): Height of the image in pixels.

    Returns:
        np.ndarray | None: (1, 4) float32, x1, y1, x2, y2 in original pixels;
        None if nothing is left.
    """
    x, y, w, h = bbox
    x1, y1 = max(0, x), max(0, y)
    x2 = min(width - 1, x1 + max(0, w - 1))
    y2 = min(height - 1, y1 + max(0, h - 1))
    if x2 <= x1 or y2 <= y1:
        return None
    return np.array([[x1, y1, x2, y2]], dtype=np.float32)


def parse_instances(
    content: dict[str, list[dict]],
    categories: dict[int, Category],
    report: AnnotationReport,
) -> list[dict]:
    """Read all usable instances.

    Images come in the order of the file, and the annotations of an image
    in the order of the file: published lists of MP-100 pairs count so.

    Args:
        content (Dict[str, List[dict]]): A loaded annotation file.
        categories (Dict[int, Category]): Its categories.
        report (AnnotationReport): Collects the problems.

    Returns:
        List[dict]: Instances with ``img_path`` relative to the images.
    """
    images: dict[Any, dict] = {}
    for image in content['images']:
        if image['id'] in images:
            report.add(
                'duplicate_id', f'image {image["id"]} ({image["file_name"]})'
            )
            continue
        images[image['id']] = image

    instances: dict[Any, list[dict]] = {image_id: [] for image_id in images}
    seen = set()
    for ann in content['annotations']:
        image = images.get(ann['image_id'])
        category = categories.get(ann['category_id'])
        file_name = image['file_name'] if image else 'no image'
        where = f'annotation {ann["id"]} ({file_name})'
        if ann['id'] in seen:
            report.add('duplicate_id', where)
            continue
        seen.add(ann['id'])
        problem = _find_reference_problem(ann, image, category)
        problem = problem or _find_problem(ann, category)
        bbox = None
        if problem is None:
            bbox = clean_box(ann['bbox'], image['width'], image['height'])
            if bbox is None:
                problem = (
                    'degenerate_box',
                    f'nothing is left of bbox {ann["bbox"]} in an image of '
                    f'{image["width"]} x {image["height"]} pixels',
                )
        if problem is not None:
            report.add(problem[0], f'{where}: {problem[1]}')
            continue
        instances[ann['image_id']].append(_pack(ann, image, category, bbox))
    return [item for items in instances.values() for item in items]


def _find_reference_problem(
    ann: dict, image: dict | None, category: Category | None
) -> _PROBLEM:
    """Why an annotation belongs to nothing that the file lists."""
    if image is None:
        return 'unknown_image', f'image_id {ann["image_id"]} is not listed'
    if category is None:
        return (
            'unknown_category',
            f'category_id {ann["category_id"]} is not listed',
        )
    return None


def _find_problem(ann: dict, category: Category) -> _PROBLEM:
    """Why an annotation is no usable instance, apart from its box's size."""
    if ann.get('iscrowd'):
        return 'crowd', f'iscrowd is {ann["iscrowd"]}'
    for key in ('bbox', 'keypoints'):
        if not ann.get(key) or not isinstance(ann[key], list):
            return f'no_{key}', f'no list {key!r}'
    count = len(ann['keypoints']) / 3
    if count != category.num_keypoints:
        return (
            'keypoint_count',
            f'{count:g} keypoints, but category {category} has '
            f'{category.num_keypoints}',
        )
    numbers = ann['bbox'] + ann['keypoints'] + [ann.get('area', 1)]
    if len(ann['bbox']) != 4 or not _all_finite(numbers):
        return (
            'not_finite',
            'bbox (x, y, w, h), area or keypoints are not all finite numbers',
        )
    if ann.get('area', 1) <= 0:
        return 'no_area', f'area is {ann["area"]}'
    visible = max(ann['keypoints'][2::3]) > 0
    if not visible or ann.get('num_keypoints') == 0:
        return 'no_visible_keypoint', 'no visible keypoint'
    return None


def _all_finite(numbers: list) -> bool:
    """Whether all entries are finite numbers (and not text of numbers)."""
    return all(isinstance(number, (int, float)) for number in numbers) and (
        bool(np.isfinite(np.array(numbers, dtype=np.float64)).all())
    )


def _pack(
    ann: dict, image: dict, category: Category, bbox: np.ndarray
) -> dict:
    """One instance in the form of MMPose."""
    points = np.array(ann['keypoints'], dtype=np.float32).reshape(1, -1, 3)
    return dict(
        img_path=image['file_name'],
        img_id=image['id'],
        annotated_size=(image['width'], image['height']),
        id=ann['id'],
        category_id=category.id,
        category_name=category.name,
        bbox=bbox,
        bbox_score=np.ones(1, dtype=np.float32),
        keypoints=points[..., :2].copy(),
        # v = 1 (hidden) and v = 2 (visible) count the same.
        keypoints_visible=(points[..., 2] > 0).astype(np.float32),
        num_keypoints=category.num_keypoints,
        dataset_name='mp100',
    )
