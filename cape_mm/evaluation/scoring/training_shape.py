# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from cape_mm.errors import DataError
from cape_mm.structures import LandmarkSchema, get_schema

from ..functional.mean_shape import mean_shape, to_box


def load_training_shape(path: str, schema: LandmarkSchema) -> np.ndarray:
    """Mean shape of the cephalograms of an annotation file.

    Args:
        path (str): Annotation file of :class:`CephalometricDataset`.
        schema (LandmarkSchema): Which landmarks to give. They are matched by
            name, or by code if the file has another schema.

    Returns:
        np.ndarray: (K, 2) float64 relative to the box, see :func:`to_box`;
        NaN for a landmark that no cephalogram has.

    Raises:
        FileNotFoundError: If there is no such file.
        DataError: If the file lacks a landmark, or has no cephalogram.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(
            f'train_ann_file {path} does not exist: give the annotation file '
            'of the training data, relative to the working directory, or None '
            'for the mean shape of the cephalograms that are evaluated'
        )
    content = json.loads(Path(path).read_text('utf-8'))
    annotations = content['annotations']
    if not annotations:
        raise DataError(f'{path} has no annotation, so there is no mean')
    order = _match(content, path, schema)
    points = np.array([entry['keypoints'] for entry in annotations], float)
    points = points.reshape(len(points), -1, 3)[:, order]
    sizes = {e['id']: (e['width'], e['height']) for e in content['images']}
    limits = np.array([sizes[e['image_id']] for e in annotations]) - 1
    boxes = np.array([entry['bbox'] for entry in annotations], float)
    boxes[:, 2:] += boxes[:, :2]
    # cut as MMPose cuts the boxes of the cephalograms that are evaluated
    boxes = np.clip(boxes, 0, np.tile(limits, 2))
    keypoints = to_box(points[..., :2], boxes)
    return mean_shape(keypoints, points[..., 2] > 0)


def _match(content: dict, path: str, schema: LandmarkSchema) -> list[int]:
    """Positions of the schema's landmarks in the file."""
    names = content['categories'][0]['keypoints']
    theirs = get_schema(content.get('info', {}).get('schema', schema.name))
    found = {
        code: names.index(name)
        for code, name in zip(theirs.codes, theirs.names)
        if name in names
    }
    missing = [code for code in schema.codes if code not in found]
    if missing:
        raise DataError(
            f'train_ann_file {path} lacks {", ".join(missing)} of schema '
            f'{schema.name!r}: give the annotation file of the training data'
        )
    return [found[code] for code in schema.codes]
