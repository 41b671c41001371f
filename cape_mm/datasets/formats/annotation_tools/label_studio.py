# Copyright (c) cape_mm contributors. All rights reserved.
"""JSON and JSON-MIN of Label Studio.

Keypoints belong to a rectangle by a relation, as its children, or by lying in
it. Coordinates are percent of the image as displayed; turning the view in the
tool does not change them.

Read by hand: sleap-io reads only files that it wrote itself (it asks for
``meta.video``), and the first annotation of a task only.
"""

from __future__ import annotations

import math
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from .collector import Collector
from .grouping import HIDDEN, LooseBox, LoosePoint, add_objects
from .repairs import to_number
from .source_image import SourceImage

_POINTS, _BOXES = 'keypointlabels', 'rectanglelabels'
#: Corners of a rectangle in units of its width and height.
_SIDES = np.array([[0, 1, 1, 0], [0, 0, 1, 1]])


def is_label_studio(content: Any) -> bool:
    """Whether the content of a JSON file is that of Label Studio."""
    return (
        isinstance(content, list)
        and bool(content)
        and all(
            isinstance(task, dict) and {'data', 'annotator'} & {*task}
            for task in content
        )
    )


def read_label_studio(file: Path, content: list, collector: Collector) -> None:
    """Read an export."""
    search = collector.search(file)
    for number, task in enumerate(content):
        collector.where = f'{file}: task {task.get("id", number)}'
        results = _results(task, collector)
        if results:
            source = collector.open_image(search, _image_of(task))
            if source is not None:
                _add(results, source, collector)


def _image_of(task: dict) -> str:
    """Path of the image of a task."""
    data = task.get('data', task)
    usual = [data.get(key) for key in ('image', 'img', 'photo', 'url')]
    for value in (*usual, *data.values()):
        if isinstance(value, str) and '.' in value.rpartition('/')[2]:
            return value
    video = task['meta']['video']  # as sleap-io writes it
    return video['filename'][video['frame_idx']]


def _results(task: dict, collector: Collector) -> list[dict]:
    """Results of the annotation that counts."""
    annotations = task.get('annotations', task.get('completions'))
    if annotations is None:  # JSON-MIN: lists of values, one a control
        values = [
            v for vs in task.values() if isinstance(vs, list) for v in vs
        ]
        annotations = [
            dict(
                result=[
                    dict(value=value, type=kind)
                    for value in values
                    for kind in (_POINTS, _BOXES)
                    if kind in value
                ]
            )
        ]
    # what the reviewer marked as the truth comes first
    valid = sorted(
        (a for a in annotations if a['result'] and not a.get('was_cancelled')),
        key=lambda annotation: not annotation.get('ground_truth'),
    )
    for _ in valid[1:]:
        collector.report.add('second_annotation', collector.where)
    if not valid:
        collector.report.add('cancelled', collector.where)
    return valid[0]['result'] if valid else []


def _add(
    results: list[dict], source: SourceImage, collector: Collector
) -> None:
    """Add the objects of one image."""
    width, height = source.image.size
    links, hidden, rectangles = defaultdict(list), set(), set()
    for result in results:
        kind, key = result['type'], result.get('id')
        if kind == 'relation':
            links[result['from_id']].append(result['to_id'])
            links[result['to_id']].append(result['from_id'])
        elif kind == 'choices':
            if {*map(str.lower, result['value']['choices'])} & {*HIDDEN}:
                hidden.add(key)
        elif kind == _BOXES and key is not None:
            rectangles.add(key)
    points, boxes = [], []
    for result in results:
        kind, key = result['type'], result.get('id')
        if kind not in (_POINTS, _BOXES):
            if kind not in ('relation', 'choices'):
                text = f'{source.image.name}: {kind}'
                collector.report.add('ignored_shape', text)
            continue
        value = result['value']
        x = to_number(value['x']) / 100 * width
        y = to_number(value['y']) / 100 * height
        label = (value.get(kind) or [collector.default_name])[0]
        if kind == _POINTS:
            related = [result.get('parentID'), *links[key]]
            group = next((r for r in related if r in rectangles), None)
            points.append(LoosePoint(label, x, y, 2 - (key in hidden), group))
            continue
        w = to_number(value['width']) / 100 * width
        h = to_number(value['height']) / 100 * height
        # turned about its first corner
        angle = math.radians(to_number(value.get('rotation') or 0))
        turn = np.array(
            [
                [math.cos(angle), -math.sin(angle)],
                [math.sin(angle), math.cos(angle)],
            ]
        )
        xs, ys = turn @ (_SIDES * [[w], [h]]) + [[x], [y]]
        box = [xs.min(), ys.min(), xs.max(), ys.max()]
        boxes.append(LooseBox(label, box, key))
    # a rectangle that nothing refers to takes the points in it
    used = {point.group for point in points}
    boxes = [b if b.group in used else b._replace(group=None) for b in boxes]
    add_objects(collector, source, points, boxes)
