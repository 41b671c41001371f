# Copyright (c) cape_mm contributors. All rights reserved.
"""LabelMe (and AnyLabeling): one JSON file an image.

Points are keypoints, called by their labels; rectangles and polygons are the
boxes of objects, called by their categories. ``group_id`` joins them.

Read by hand: what datumaro calls LabelMe is the XML of an older tool.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from .annotations import Annotations, write_image
from .collector import Collector
from .grouping import HIDDEN, LooseBox, LoosePoint, add_objects
from .repairs import to_number
from .source_image import SourceImage


def is_labelme(content: Any) -> bool:
    """Whether the content of a JSON file is that of LabelMe."""
    return isinstance(content, dict) and {'shapes', 'imagePath'} <= {*content}


def read_labelme(file: Path, content: dict, collector: Collector) -> None:
    """Read the file of one image."""
    points, boxes = [], []
    for number, shape in enumerate(content['shapes']):
        collector.where = f'{file}: shape {number}'
        corners = np.array(
            [[to_number(x), to_number(y)] for x, y in shape['points']]
        )
        label, kind = str(shape['label']), shape.get('shape_type')
        group, flags = shape.get('group_id'), shape.get('flags') or {}
        if kind == 'point' and len(corners) == 1:
            is_hidden = any(flags.get(key) for key in HIDDEN)
            points.append(LoosePoint(label, *corners[0], 2 - is_hidden, group))
        elif kind in ('rectangle', 'polygon', None) and len(corners) > 1:
            box = [*corners.min(0), *corners.max(0)]
            boxes.append(LooseBox(label, box, group))
        else:
            text = f'{collector.where}: {kind} {label!r}'
            collector.report.add('ignored_shape', text)
    size = content.get('imageWidth'), content.get('imageHeight')
    search = collector.search(file)
    if content.get('imageData') and search.find(content['imagePath']) is None:
        source = _open_embedded(content['imageData'], file, collector)
    else:
        source = collector.open_image(search, content['imagePath'], size)
    if source is not None:
        add_objects(collector, source, points, boxes)


def _open_embedded(
    data: str, file: Path, collector: Collector
) -> SourceImage | None:
    """The image that the file carries; None, and a remark, if it is none."""
    content = np.frombuffer(base64.b64decode(data), np.uint8)

    def read_pixels() -> np.ndarray | None:
        return (
            cv2.imdecode(content, cv2.IMREAD_COLOR) if len(content) else None
        )

    pixels = read_pixels()
    if pixels is None:
        collector.report.add('unreadable', f'{file}: imageData')
        return None
    size, name = pixels.shape[1::-1], f'{file.stem}.png'
    return collector.add_pixels(file, 'imageData', name, size, read_pixels)


def write_labelme(
    annotations: Annotations, out_dir: Path, link: bool = True
) -> list[str]:
    """Write one JSON file beside each image, and ``labels.txt``.

    Points and rectangles of an object share a ``group_id``; hidden keypoints
    have the flag ``hidden``, predictions the key ``score``.
    """
    labels: dict[str, None] = {}
    for category in annotations.categories.values():
        labels.update(dict.fromkeys([category.name, *category.keypoint_names]))
    for image in annotations.images:
        target = out_dir / image.name
        write_image(image, target, link)
        shapes = []
        for group, instance in enumerate(image.instances):
            category = annotations.categories[instance.category_id]
            corners = np.reshape(instance.box_on(image.size), (2, 2))
            shapes.append(
                _shape(category.name, corners, group, instance.score)
            )
            scores = instance.keypoint_scores
            for index, name in enumerate(category.keypoint_names):
                x, y, v = instance.keypoints[index]
                score = None if scores is None else scores[index]
                if v > 0:
                    shape = _shape(name, np.array([[x, y]]), group, score)
                    shape['flags'] = dict(hidden=True) if v == 1 else {}
                    shapes.append(shape)
        content = dict(
            version='5.5.0',
            flags={},
            shapes=shapes,
            imagePath=target.name,
            imageData=None,
            imageHeight=image.size[1],
            imageWidth=image.size[0],
        )
        text = json.dumps(
            content, indent=1, ensure_ascii=False, allow_nan=False
        )
        target.with_suffix('.json').write_text(text + '\n', encoding='utf-8')
    text = '\n'.join(labels)
    (out_dir / 'labels.txt').write_text(text + '\n', encoding='utf-8')
    return [f'{out_dir}: {len(annotations.images)} images with a JSON each']


def _shape(
    label: str, points: np.ndarray, group: int, score: float | None
) -> dict[str, Any]:
    """A point, or a rectangle of two corners."""
    shape = dict(
        label=label,
        points=points.round(3).tolist(),
        group_id=group,
        description='',
        shape_type='point' if len(points) == 1 else 'rectangle',
        flags={},
    )
    return (
        shape if score is None else dict(shape, score=round(float(score), 6))
    )
