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
    """Check everything in a file that can be checked without the images.

    Args:
        content (Any): Content of the JSON file.
        path (str): File, for messages.

    Raises:
        DataError: If something is wrong, with the file, the entry and what
            to do.
    """
    try:
        _check_layout(content)
        _check_entries(content)
    except DataError as error:
        raise DataError(f'{path}: {error}') from None


def find_spacing_problem(spacing: Any, source: Any) -> str | None:
    """Check the scale of a cephalogram.

    Args:
        spacing (Any): Millimetres per pixel (x, y); None where unknown.
        source (Any): Origin of the spacing, one of :data:`SPACING_SOURCES`.

    Returns:
        str | None: Problem with its remedy; None if there is none.
    """
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


def find_outside(
    keypoints: Sequence[float], size: tuple[int, int]
) -> list[int]:
    """Find labelled landmarks that do not lie in the image.

    Args:
        keypoints (Sequence[float]): Landmarks (3K,), x, y, v, original
            pixels.
        size (Tuple[int, int]): Width and height of the image in pixels.

    Returns:
        List[int]: Indices of the landmarks.
    """
    width, height = size
    triples = zip(keypoints[0::3], keypoints[1::3], keypoints[2::3])
    return [
        index
        for index, (x, y, v) in enumerate(triples)
        if v and not (-0.5 <= x <= width - 0.5 and -0.5 <= y <= height - 0.5)
    ]


def describe(image: dict) -> str:
    """Name an image in a message.

    Args:
        image (dict): Entry of the file.

    Returns:
        str: Id and file name.
    """
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
        _check_image(image)
        if image['id'] in images:
            raise DataError(
                f'{describe(image)}: its id is used twice: renumber'
            )
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


def _check_image(image: dict) -> None:
    """Refuse a wrong size or spacing."""
    size = [image['width'], image['height']]
    if not _are_numbers(size, 2) or min(size) <= 0:
        raise DataError(
            f'{describe(image)}: its size is {size[0]!r} x {size[1]!r}: '
            'write its width and height in pixels'
        )
    problem = find_spacing_problem(
        image.get('spacing'), image.get('spacing_source', 'unknown')
    )
    if problem:
        raise DataError(f'{describe(image)}: {problem}')


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
    """Compare two sets of names; their order does not matter.

    Args:
        found (Sequence[str]): Names in the file.
        expected (Sequence[str]): Names of the schema.

    Returns:
        str: Difference, empty if there is none.
    """
    parts = []
    missing = [name for name in expected if name not in found]
    unknown = [name for name in found if name not in expected]
    twice = sorted({name for name in found if found.count(name) > 1})
    for title, names in (
        ('missing', missing),
        ('unknown', unknown),
        ('more than once', twice),
    ):
        if names:
            parts.append(f'{title}: {", ".join(map(repr, names))}')
    return '; '.join(parts)


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
