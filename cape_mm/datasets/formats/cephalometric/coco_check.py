# Copyright (c) cape_mm contributors. All rights reserved.
"""Checks of the annotation files of cephalograms.

Keypoint files in COCO's layout, with one annotation per image. ``info``
holds ``schema``, the name of a landmark schema. An image has ``id``,
``file_name``, ``width``, ``height``, ``spacing`` ([x, y] in mm per pixel, or
null) and ``spacing_source``, and may have ``device``, ``subject`` and
``class_labels``.
"""

from __future__ import annotations

from typing import Any, Iterator, Sequence

from cape_mm.datasets.formats.json_values import is_number
from cape_mm.errors import DataError, shorten
from cape_mm.structures import available_schemas, get_schema

#: Where the millimetres per pixel come from.
SPACING_SOURCES = (
    'file',
    'dicom_pixel',
    'dicom_imager',
    'dicom_imager_uncorrected',
    'ruler',
    'user',
    'unknown',
)
#: Lists of a file, and the keys that their entries need.
_KEYS = dict(
    images=('id', 'file_name', 'width', 'height'),
    annotations=('id', 'image_id', 'bbox', 'keypoints'),
    categories=(),
)
_ADVICE = (
    'The layout is described in docs/en/cephalometric_data.md; '
    'write_coco of cape_mm.datasets.formats.cephalometric writes it.'
)


def check_content(content: Any, path: str) -> None:
    """Raise DataError for what can be checked without the images."""
    for find in (_layout_problems, _image_problems, _annotation_problems):
        for problem in find(content):
            raise DataError(f'{path}: {problem}')


def find_spacing_problem(spacing: Any, source: Any) -> str | None:
    """Problem of (x, y) in mm per pixel and its source, or None."""
    if source not in SPACING_SOURCES:
        return (
            f'spacing_source is {source!r}: write one of '
            f'{", ".join(SPACING_SOURCES)}'
        )
    if spacing is None:
        if source != 'unknown':
            return (
                f'there is no spacing, but its source is {source!r}: write '
                "the spacing, or 'unknown'"
            )
        return None
    if not _are_numbers(spacing, 2) or min(spacing) <= 0:
        return (
            f'spacing is {spacing!r}: write two positive numbers, the '
            'millimetres per pixel along x and along y, or null if unknown'
        )
    return None


def describe(image: dict) -> str:
    """Id and file name of an image entry, for messages."""
    return f'image {image["id"]} ({image["file_name"]})'


def _layout_problems(content: Any) -> Iterator[str]:
    """What lacks the lists and keys, or the landmarks of its schema."""
    for part, keys in _KEYS.items():
        entries = content.get(part) if isinstance(content, dict) else None
        if not isinstance(entries, list):
            yield f'file: it has no list {part!r}. {_ADVICE}'
        for number, entry in enumerate(entries):
            known = entry if isinstance(entry, dict) else {}
            missing = [key for key in keys if known.get(key) is None]
            if missing:
                yield (
                    f'entry {number} of {part!r}: it has no '
                    f'{", ".join(missing)}. {_ADVICE}'
                )
    categories, info = content['categories'], content.get('info')
    first = categories[0] if len(categories) == 1 else None
    names = first.get('keypoints') if isinstance(first, dict) else None
    if not isinstance(names, list):
        yield (
            "'categories': there must be one, with the list of landmark "
            f"names in 'keypoints'. {_ADVICE}"
        )
    if not isinstance(info, (dict, type(None))):
        yield f"'info' is {shorten(info)}: write an object, or leave it out"
    schema = (info or {}).get('schema')
    if schema is None:
        return
    if schema not in available_schemas():
        yield (
            f'info.schema: there is no landmark schema {schema!r}: write one '
            f'of {", ".join(available_schemas())}'
        )
    problem = compare_names(names, get_schema(schema).names)
    if problem:
        yield (
            "'keypoints' of the category: not the landmarks of schema "
            f'{schema!r}: {problem}. Correct the names, or info.schema'
        )


def _image_problems(content: dict) -> Iterator[str]:
    """Images with a wrong size, spacing or id."""
    known = set()
    for image in content['images']:
        size = [image['width'], image['height']]
        problem = find_spacing_problem(
            image.get('spacing'), image.get('spacing_source', 'unknown')
        )
        if not _are_numbers(size, 2) or min(size) <= 0:
            problem = (
                f'its size is {size[0]!r} x {size[1]!r}: write its width and '
                'height in pixels'
            )
        elif not _is_id(image['id']):
            problem = 'its id is no number: renumber'
        elif not problem and image['id'] in known:
            problem = 'its id is used twice: renumber'
        if problem:
            yield f'{describe(image)}: {problem}'
        known.add(image['id'])


def _annotation_problems(content: dict) -> Iterator[str]:
    """Annotations that are not one of an image, or have wrong numbers."""
    names = content['categories'][0]['keypoints']
    category_id = content['categories'][0].get('id')
    images = {image['id']: image for image in content['images']}
    owners: dict[Any, Any] = {}
    for annotation in content['annotations']:
        what = f'annotation {annotation["id"]}'
        if not _is_id(annotation['id']):
            yield f'{shorten(what)}: its id is no number: renumber'
        key = annotation['image_id']
        image = images.get(key) if _is_id(key) else None
        if image is None:
            yield (
                f'{what}: there is no image {key}: add it, or remove the '
                'annotation'
            )
        if image['id'] in owners:
            yield (
                f'{what} and annotation {owners[image["id"]]}: both belong '
                f'to {describe(image)}, one cephalogram has one annotation: '
                'remove one'
            )
        owners[image['id']] = annotation['id']
        what = f'{what} ({image["file_name"]})'
        bbox, keypoints = annotation['bbox'], annotation['keypoints']
        if not _are_numbers(bbox, 4) or min(bbox[2:]) <= 0:
            yield (
                f'{what}: bbox is {bbox!r}: write [0, 0, width, height] of '
                'the image'
            )
        for problem in _detail_problems(annotation, category_id):
            yield f'{what}: {problem}'
        is_list = isinstance(keypoints, list)
        if not is_list or len(keypoints) != 3 * len(names):
            count = len(keypoints) if is_list else keypoints
            yield (
                f'{what}: keypoints has {count!r} numbers, {3 * len(names)} '
                f'are needed: x, y, v of each of the {len(names)} landmarks'
            )
        for index, name in enumerate(names):
            values = keypoints[3 * index : 3 * index + 3]
            if values[2] == 0:  # x and y mean nothing, and may be null
                values = [0, 0, values[2]]
            if not _are_numbers(values, 3) or values[2] not in (0, 1, 2):
                yield (
                    f'{what}: landmark {name!r} is {shorten(values)}: write '
                    'finite x, y in pixels and v = 0 (not labelled, then '
                    'x = y = 0), 1 or 2'
                )


def _detail_problems(annotation: dict, category_id: Any) -> Iterator[str]:
    """Wrong area, category or flag of an annotation."""
    area = annotation.get('area')
    if area is not None and not is_number(area):
        yield f'area is {shorten(area)}: write a number'
    category = annotation.get('category_id')
    if category is not None and category != category_id:
        yield (
            f'category_id is {shorten(category)}, the only category is '
            f'{shorten(category_id)}'
        )
    if annotation.get('iscrowd') not in (None, 0, 1):
        yield f'iscrowd is {annotation["iscrowd"]!r}: write 0'


def compare_names(found: Sequence[str], expected: Sequence[str]) -> str:
    """Difference of two sets of names in any order, empty if none."""
    differences = {
        'missing': [name for name in expected if name not in found],
        'unknown': [name for name in found if name not in expected],
        'more than once': sorted({n for n in found if found.count(n) > 1}),
    }
    return '; '.join(
        f'{title}: {", ".join(map(shorten, names))}'
        for title, names in differences.items()
        if names
    )


def _is_id(value: Any) -> bool:
    """Whether it is a number or a text; true is none, though it equals 1."""
    return isinstance(value, (int, float, str)) and value is not True


def _are_numbers(values: Any, count: int) -> bool:
    """Whether it is a list of so many finite numbers."""
    return (
        isinstance(values, (list, tuple))
        and len(values) == count
        and all(map(is_number, values))
    )
