# Copyright (c) cape_mm contributors. All rights reserved.
"""A CSV table with a row for each keypoint, for spreadsheets and statistics.

Own format: ``image`` is a path relative to the folder of the images, x, y and
the box x1, y1, x2, y2 are in pixels, cells without value are empty.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np

from .annotations import Annotations
from .collector import Collector
from .repairs import to_number

_COLUMNS = (
    *('image', 'width', 'height', 'category', 'instance', 'track'),
    *('instance_score', 'x1', 'y1', 'x2', 'y2'),
    *('keypoint', 'x', 'y', 'visibility', 'score'),
)


def is_keypoint_table(text: str) -> bool:
    """Whether the content of a CSV file is such a table."""
    return text.startswith(','.join(_COLUMNS))


def read_keypoint_table(file: Path, text: str, collector: Collector) -> None:
    """Read a table."""
    instances: dict[tuple[str, str], list[dict]] = {}
    for row in csv.DictReader(io.StringIO(text)):
        key = row['image'], row['instance']
        instances.setdefault(key, []).append(row)
    search = collector.search(file)
    for (image, number), rows in instances.items():
        collector.where = f'{file}: instance {number} of {image}'
        first = rows[0]
        size = first['width'], first['height']
        source = collector.open_image(search, image, size)
        if source is None:
            continue
        extra: dict[str, Any] = {}
        if first['track']:
            extra['track_id'] = int(first['track'])
        if first['instance_score']:
            extra['score'] = to_number(first['instance_score'])
        if first['score']:
            extra['keypoint_scores'] = [to_number(r['score']) for r in rows]
        names = [row['keypoint'] for row in rows]
        box = [first[key] for key in ('x1', 'y1', 'x2', 'y2')]
        collector.declare(first['category'], names)
        collector.add(
            source,
            first['category'],
            names,
            [[r['x'] or 0, r['y'] or 0, r['visibility']] for r in rows],
            box if all(box) else None,
            **extra,
        )


def write_keypoint_table(
    annotations: Annotations, out_dir: Path, link: bool = True
) -> list[str]:
    """Write ``keypoints.csv``."""
    out_dir.mkdir(parents=True, exist_ok=True)
    path = out_dir / 'keypoints.csv'
    count = 0
    with open(path, 'w', newline='', encoding='utf-8') as stream:
        writer = csv.writer(stream)
        writer.writerow(_COLUMNS)
        for image in annotations.images:
            for number, instance in enumerate(image.instances):
                category = annotations.categories[instance.category_id]
                no_box = instance.box is None
                head = [
                    *(image.name, *image.size, category.name, number),
                    '' if instance.track_id is None else instance.track_id,
                    *_cells([instance.score]),
                    *_cells([None] * 4 if no_box else instance.box),
                ]
                scores = instance.keypoint_scores
                for index, name in enumerate(category.keypoint_names):
                    x, y, v = instance.keypoints[index]
                    score = None if scores is None else scores[index]
                    place = _cells([x, y] if v > 0 else [None, None])
                    writer.writerow(
                        [*head, name, *place, int(v), *_cells([score])]
                    )
                    count += 1
    return [f'{path}: {count} keypoints']


def _cells(numbers: Any) -> list[Any]:
    """Numbers, those that are None as empty cells."""
    return [
        '' if number is None else round(float(number), 6)
        for number in (
            numbers.tolist() if isinstance(numbers, np.ndarray) else numbers
        )
    ]
