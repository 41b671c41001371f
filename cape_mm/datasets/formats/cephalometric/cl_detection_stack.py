# Copyright (c) cape_mm contributors. All rights reserved.
"""Reader of the CL-Detection 2023 challenge (38 landmarks).

``train_stack.mha`` has all cephalograms, each filled up with zeros at the
right and the bottom to one size; ``train-gt.json`` has their landmarks:
``{"points": [{"name": "1", "point": [x, y, cephalogram], "scale": mm}, ...]}``
with cephalograms counted from 1. https://cl-detection2023.grand-challenge.org
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, Iterator

import numpy as np

from cape_mm.datasets.formats.annotation_report import AnnotationReport
from cape_mm.structures import get_schema

from .coco_file import CephalometricRecord
from .meta_image import read_header, read_images

SCHEMA = 'cl_detection38'


def read_cl_detection_stack(
    stack: Path, labels: Path, report: AnnotationReport
) -> Iterator[CephalometricRecord]:
    """Read the cephalograms in the order of the stack.

    Args:
        stack (Path): ``train_stack.mha``.
        labels (Path): ``train-gt.json``.
        report (AnnotationReport): Collects what is not usable.

    Yields:
        CephalometricRecord: A cephalogram with its image, without the filling.
        Nothing is known of persons.

    Raises:
        ValueError: If a file is wrong, or they do not belong together.
    """
    points = _points_of_cephalograms(labels, read_header(stack).count)
    schema = get_schema(SCHEMA)
    for number, pixels in enumerate(read_images(stack), 1):
        if number not in points:
            report.add('no_annotation', f'{stack}, cephalogram {number}')
            continue
        where = f'{labels}: cephalogram {number}'
        entries = points[number]
        keypoints_px = np.full((len(schema), 2), np.nan)
        for name, entry in entries.items():
            keypoints_px[name - 1] = entry['point'][:2]
        visible = np.where(np.isfinite(keypoints_px).all(axis=1), 2, 0)
        for index in np.flatnonzero(visible == 0):
            report.add('not_labelled', f'{where}, landmark {index + 1}')
        yield CephalometricRecord(
            image_path=f'{number:03d}.png',
            keypoints_px=keypoints_px,
            visible=visible,
            spacing=_spacing_of(entries, where),
            spacing_source='file',
            image=cut_filling(pixels, f'{stack}: cephalogram {number}'),
        )


def cut_filling(image: np.ndarray, where: str) -> np.ndarray:
    """Cut off columns at the right and rows at the bottom that are all zero.

    Args:
        image (np.ndarray): (H, W) or (H, W, 3) uint8, RGB.
        where (str): The image, for messages.

    Returns:
        np.ndarray: (h, w) uint8 if all channels are equal, else (h, w, 3)
        uint8, BGR. Coordinates stay as they are.

    Raises:
        ValueError: If all of it is zero, or it has another kind of channels.
    """
    if image.ndim == 3 and image.shape[2] not in (1, 3):
        raise ValueError(
            f'{where} has {image.shape[2]} channels: 1 or 3 are read'
        )
    if image.ndim == 2:
        image = image[..., None]
    is_used = image.any(axis=2)
    rows, columns = (np.flatnonzero(is_used.any(axis=a)) for a in (1, 0))
    if not rows.size:
        raise ValueError(f'{where} is empty (all zero): fetch the file again')
    image = image[: rows[-1] + 1, : columns[-1] + 1]
    if (image == image[..., :1]).all():
        return np.ascontiguousarray(image[..., 0])
    return np.ascontiguousarray(image[..., ::-1])


def _points_of_cephalograms(
    path: Path, count: int
) -> dict[int, dict[int, dict]]:
    """Entries by number of the image, then of the landmark, both from 1."""
    try:
        entries = json.loads(path.read_text('utf-8-sig'))['points']
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f'{path} is no JSON file with a list "points": fetch it again'
        ) from error
    size = len(get_schema(SCHEMA))
    cephalograms: dict[int, dict[int, dict]] = {}
    for number, entry in enumerate(entries):
        where = f'{path}: point {number}'
        try:
            name = int(entry['name'])
            x, y, cephalogram = map(float, entry['point'])
            is_right = 1 <= name <= size and cephalogram == int(cephalogram)
        except (KeyError, TypeError, ValueError):
            is_right = False
        if not is_right or not math.isfinite(x) or not math.isfinite(y):
            raise ValueError(
                f'{where} is {entry!r}: a name 1 to {size} and three '
                'numbers x, y, cephalogram are needed'
            )
        if not 1 <= cephalogram <= count:
            raise ValueError(
                f'{where} belongs to image {cephalogram:g}, the stack has '
                f'{count}: '
                'take the two files of one download'
            )
        points = cephalograms.setdefault(int(cephalogram), {})
        if name in points:
            raise ValueError(
                f'{where}: image {cephalogram:g} has landmark {name} '
                'already: remove '
                'one'
            )
        points[name] = entry
    return cephalograms


def _spacing_of(entries: dict[int, dict], where: str) -> list[float]:
    """The scale, which all points of a cephalogram must agree on."""
    scales: list[Any] = [entry.get('scale') for entry in entries.values()]
    try:
        values = {float(scale) for scale in scales}
    except (TypeError, ValueError):
        values = set()
    if len(values) != 1 or not 0 < min(values) < math.inf:
        raise ValueError(
            f'{where}: its points have the scales {set(map(str, scales))}: '
            'one positive number of mm per pixel is needed'
        )
    return [min(values)] * 2
