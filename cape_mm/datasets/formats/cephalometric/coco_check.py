# Copyright (c) cape_mm contributors. All rights reserved.
"""Checks of the annotation files of cephalograms.

Keypoint files in COCO's layout, with one annotation per image. ``info``
holds ``schema``, the name of a landmark schema. An image has ``id``,
``file_name``, ``width``, ``height``, ``spacing`` ([x, y] in mm per pixel, or
null) and ``spacing_source``, and may have ``device``, ``subject`` and
``class_labels``.
"""

from __future__ import annotations

import math
from typing import Any, Sequence

import numpy as np

from cape_mm.errors import DataError
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
_PARTS = dict(
    images=('id', 'file_name', 'width', 'height'),
    annotations=('id', 'image_id', 'bbox', 'keypoints'),
)
_ADVICE = (
    'The layout is described in docs/en/cephalometric_data.md; '
    'write_coco of cape_mm.datasets.formats.cephalometric writes it.'
)


def check_content(content: Any, path: str) -> None:
    """Raise DataError for what can be checked without the images."""
    try:
        _check_layout(content)
        _check_entries(content)
    except DataError as error:
        raise DataError(f'{path}: {error}') from None


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


def find_outside(keypoints: np.ndarray, size: tuple[int, int]) -> list[int]:
    """Indices of labelled (x, y, v) (K, 3) outside of (W, H) pixels."""
    x, y, v = keypoints.T
    width, height = size
    is_inside = (x >= -0.5) & (x <= width - 0.5)
    is_inside &= (y >= -0.5) & (y <= height - 0.5)
    return np.flatnonzero((v > 0) & ~is_inside).tolist()


def describe(image: dict) -> str:
    """Id and file name of an image entry, for messages."""
    return f'image {image["id"]} ({image["file_name"]})'


def _check_layout(content: Any) -> None:
    """Refuse a file without the lists and keys of the layout."""
    for part in ('images', 'annotations', 'categories'):
        entries = content.get(part) if isinstance(content, dict) else None
        if not isinstance(entries, list):
            raise DataError(f'file: it has no list {part!r}. {_ADVICE}')
        for number, entry in enumerate(entries):
            missing = [
                key
                for key in _PARTS.get(part, ())
                if not isinstance(entry, dict) or entry.get(key) is None
            ]
            if missing:
                raise DataError(
                    f'entry {number} of {part!r}: it has no '
                    f'{", ".join(missing)}. {_ADVICE}'
                )
    categories = content['categories']
    if len(categories) != 1 or not isinstance(
        categories[0].get('keypoints'), list
    ):
        raise DataError(
            "'categories': there must be one, with the list of landmark "
            f"names in 'keypoints'. {_ADVICE}"
        )


def _check_entries(content: dict) -> None:
    """Refuse a wrong schema, image or annotation."""
    names = content['categories'][0]['keypoints']
    schema = content.get('info', {}).get('schema')
    if schema is not None:
        _check_schema(names, schema)
    images: dict[Any, dict] = {}
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
        elif not problem and image['id'] in images:
            problem = 'its id is used twice: renumber'
        if problem:
            raise DataError(f'{describe(image)}: {problem}')
        images[image['id']] = image
    owners: dict[Any, Any] = {}
    for annotation in content['annotations']:
        what = f'annotation {annotation["id"]}'
        image = images.get(annotation['image_id'])
        if image is None:
            raise DataError(
                f'{what}: there is no image {annotation["image_id"]}: add '
                'it, or remove the annotation'
            )
        if image['id'] in owners:
            raise DataError(
                f'{what} and annotation {owners[image["id"]]}: both belong '
                f'to {describe(image)}, one cephalogram has one annotation: '
                'remove one'
            )
        owners[image['id']] = annotation['id']
        what = f'{what} ({image["file_name"]})'
        bbox = annotation['bbox']
        if not _are_numbers(bbox, 4) or min(bbox[2:]) <= 0:
            raise DataError(
                f'{what}: bbox is {bbox!r}: write [0, 0, width, height] of '
                'the image'
            )
        _check_keypoints(annotation['keypoints'], names, what)


def _check_schema(names: list[str], schema: Any) -> None:
    """Refuse landmarks that are not those of ``info.schema``."""
    if schema not in available_schemas():
        raise DataError(
            f'info.schema: there is no landmark schema {schema!r}: write one '
            f'of {", ".join(available_schemas())}'
        )
    problem = compare_names(names, get_schema(schema).names)
    if problem:
        raise DataError(
            "'keypoints' of the category: not the landmarks of schema "
            f'{schema!r}: {problem}. Correct the names, or info.schema'
        )


def _check_keypoints(keypoints: Any, names: list[str], what: str) -> None:
    """Refuse what is not x, y, v of every landmark."""
    if not isinstance(keypoints, list) or len(keypoints) != 3 * len(names):
        count = len(keypoints) if isinstance(keypoints, list) else keypoints
        raise DataError(
            f'{what}: keypoints has {count!r} numbers, {3 * len(names)} are '
            f'needed: x, y, v of each of the {len(names)} landmarks'
        )
    for index, name in enumerate(names):
        values = keypoints[3 * index : 3 * index + 3]
        if not _are_numbers(values, 3) or values[2] not in (0, 1, 2):
            raise DataError(
                f'{what}: landmark {name!r} is {values!r}: write finite x, y '
                'in pixels and v = 0 (not labelled, then x = y = 0), 1 or 2'
            )


def compare_names(found: Sequence[str], expected: Sequence[str]) -> str:
    """Difference of two sets of names in any order, empty if none."""
    differences = {
        'missing': [name for name in expected if name not in found],
        'unknown': [name for name in found if name not in expected],
        'more than once': sorted({n for n in found if found.count(n) > 1}),
    }
    return '; '.join(
        f'{title}: {", ".join(map(repr, names))}'
        for title, names in differences.items()
        if names
    )


def _are_numbers(values: Any, count: int) -> bool:
    """Whether it is a list of so many finite numbers."""
    return (
        isinstance(values, (list, tuple))
        and len(values) == count
        and all(
            isinstance(value, (int, float))
            and not isinstance(value, bool)
            and math.isfinite(value)
            for value in values
        )
    )
