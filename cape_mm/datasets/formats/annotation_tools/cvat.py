# Copyright (c) cape_mm contributors. All rights reserved.
"""CVAT's own XML, for images and for videos.

Skeletons are instances. Loose points with one place are keypoints, called by
their labels and joined by ``group_id``; those with several are instances with
numbered keypoints.

Read by hand: datumaro knows no skeletons in it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

from .collector import Collector
from .grouping import LooseBox, LoosePoint, add_objects
from .repairs import to_number
from .source_image import SourceImage


def read_cvat(file: Path, root: Element, collector: Collector) -> None:
    """Read an export."""
    collector.where = str(file)
    _declare_skeletons(root, collector)
    search = collector.search(file)
    for element in root.iter('image'):
        name = element.get('name')
        collector.where = f'{file}: image {name}'
        size = element.get('width'), element.get('height')
        source = collector.open_image(search, name, size)
        if source is not None:
            _add(element, source, collector)
    # a video: its frames as images, else from the video itself
    frames: dict[int, list[tuple[Element, int]]] = defaultdict(list)
    for track in root.iter('track'):
        for shape in track:
            shape.attrib.setdefault('label', track.get('label'))
            if shape.get('outside') != '1':
                entry = shape, int(track.get('id'))
                frames[int(shape.get('frame'))].append(entry)
    video = root.findtext('.//source')
    for number, shapes in sorted(frames.items()):
        collector.where = f'{file}: frame {number}'
        name = f'frame_{number:06d}'
        names = [name + suffix for suffix in ('.PNG', '.png', '.jpg')]
        found = collector.find(search, *names, video)
        if found is None:
            continue
        if found[0].stem == name:
            source = collector.open_image(search, found[1])
        else:
            source = collector.open_frame(found[0], number)
        for shape, track_id in shapes if source is not None else ():
            if shape.get('keyframe') == '0':
                collector.report.add('interpolated', collector.where)
            _add([shape], source, collector, track_id=track_id)


def _declare_skeletons(root: Element, collector: Collector) -> None:
    """Declare the labels that are skeletons."""
    labels = list(root.iter('label'))
    for label in labels:
        if label.findtext('type') != 'skeleton':
            continue
        name = label.findtext('name')
        parts = [part for part in labels if part.findtext('parent') == name]
        names = [part.findtext('name') for part in parts]
        # its SVG, as text: circles are keypoints, lines are edges
        nodes, edges = {}, []
        svg = label.findtext('svg') or ''
        for kind, tag in re.findall('<(circle|line)([^>]*)>', svg):
            data = dict(re.findall(r'data-([\w-]+)="([^"]*)"', tag))
            if kind == 'circle':
                own = data.get('label-name', '')
                index = names.index(own) if own in names else len(nodes)
                nodes[data.get('node-id')] = index
            else:
                edges.append((data.get('node-from'), data.get('node-to')))
        pairs = [[nodes.get(end, len(names)) for end in e] for e in edges]
        collector.declare(name, names, pairs)


def _add(
    shapes: Any, source: SourceImage, collector: Collector, **extra: Any
) -> None:
    """Add the instances of an image."""
    points: list[LoosePoint] = []
    boxes: list[LooseBox] = []
    for shape in shapes:
        if shape.tag == 'box':
            keys = ('xtl', 'ytl', 'xbr', 'ybr')
            box = [to_number(shape.get(key)) for key in keys]
            boxes.append(LooseBox(shape.get('label'), box, _group_of(shape)))
    for shape in shapes:
        label, kind, group = shape.get('label'), shape.tag, _group_of(shape)
        places = _places(shape) if kind == 'points' else []
        if len(places) == 1:
            points.append(LoosePoint(label, *places[0], group))
            continue
        if kind not in ('skeleton', 'points'):
            if kind not in ('box', 'tag'):
                text = f'{source.image.name}: {kind} {label!r}'
                collector.report.add('ignored_shape', text)
            continue
        names = [f'keypoint_{index}' for index in range(len(places))]
        if kind == 'skeleton':
            parts = list(shape.iter('points'))
            names = [part.get('label') for part in parts]
            places = [_places(part)[0] for part in parts]
        same = [b for b in boxes if group is not None and b.group == group]
        box = same[0].box if same else None
        boxes = [b for b in boxes if b not in same[:1]]
        collector.add(source, label, names, places, box, **extra)
    add_objects(collector, source, points, boxes, **extra)


def _group_of(shape: Element) -> str | None:
    """Mark of the object of a shape."""
    group = shape.get('group_id')
    return None if group == '0' else group


def _places(shape: Element) -> list[tuple[float, float, int]]:
    """x, y, v of the places of a shape."""
    v = 1 if shape.get('occluded') == '1' else 2
    v = 0 if shape.get('outside') == '1' else v
    pairs = [pair.split(',') for pair in shape.get('points').split(';')]
    return [(to_number(x), to_number(y), v) for x, y in pairs]
