# Copyright (c) cape_mm contributors. All rights reserved.
"""LabelMe (and AnyLabeling): one JSON file an image.

Points are keypoints, called by their labels; rectangles and polygons are the
boxes of objects, called by their categories. ``group_id`` joins them.

Read by hand: what datumaro calls LabelMe is the XML of an older tool.
"""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from .collector import Collector, to_number
from .grouping import HIDDEN, LooseBox, LoosePoint, add_objects
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
