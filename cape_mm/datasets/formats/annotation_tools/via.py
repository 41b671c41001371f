# Copyright (c) cape_mm contributors. All rights reserved.
"""VGG Image Annotator 1 and 2: project, JSON and CSV.

Points are keypoints, rectangles the boxes of objects. An attribute such as
``name`` or ``keypoint`` (or the only one) names them, one such as ``group``
joins them, ``hidden`` or ``occluded`` marks hidden keypoints.

Read by hand: no kept library reads it.
"""

from __future__ import annotations

import csv
import io
import json
from collections import defaultdict
from pathlib import Path
from typing import Any, Iterable

from .collector import Collector
from .grouping import HIDDEN, LooseBox, LoosePoint, add_objects
from .repairs import to_number

_NAMES = ('keypoint', 'landmark', 'part', 'name', 'label', 'class', 'type')
_GROUPS = ('group', 'group_id', 'instance', 'object', 'object_id', 'id')
_OFF = ('', 'false', 'no', 'n', '0', 'none')


def is_via(content: Any) -> bool:
    """Whether the content of a JSON file is that of VIA."""
    if not isinstance(content, dict) or not content:
        return False
    entries = content.get('_via_img_metadata', content)
    return isinstance(entries, dict) and all(
        isinstance(entry, dict) and {'filename', 'regions'} <= {*entry}
        for entry in entries.values()
    )


def read_via(file: Path, content: Any, collector: Collector) -> None:
    """Read a project or export; ``content`` is the text of a CSV file."""
    is_csv = isinstance(content, str)
    images = _read_csv(content) if is_csv else _read_json(content)
    search = collector.search(file)
    for name, regions in images.items():
        source = collector.open_image(search, name) if regions else None
        points, boxes = [], []
        for number, region in enumerate(regions if source else ()):
            collector.where = f'{file}: region {number} of {name}'
            shape = region['shape_attributes']
            attributes = {
                key: _value(value)
                for key, value in (
                    region.get('region_attributes') or {}
                ).items()
            }
            group = _first(attributes, _GROUPS)
            others = {*attributes} - {*_GROUPS, *HIDDEN}
            label = _first(attributes, _NAMES)
            if label is None and len(others) == 1:
                label = _first(attributes, others)
            if shape['name'] == 'point' and label is not None:
                is_hidden = any(
                    str(attributes.get(key) or '').lower() not in _OFF
                    for key in HIDDEN
                )
                x, y = to_number(shape['cx']), to_number(shape['cy'])
                points.append(LoosePoint(label, x, y, 2 - is_hidden, group))
            elif shape['name'] == 'rect':
                keys = ('x', 'y', 'width', 'height')
                x, y, w, h = (to_number(shape[key]) for key in keys)
                label = label or collector.default_name
                boxes.append(LooseBox(label, [x, y, x + w, y + h], group))
            else:
                text = f'{collector.where}: {shape["name"]} {label or ""}'
                collector.report.add('ignored_shape', text)
        if source is not None:
            add_objects(collector, source, points, boxes)


def _value(value: Any) -> Any:
    """Value of an attribute; that of a checkbox is ``{'nose': true}``."""
    if isinstance(value, dict):
        return next((key for key, is_on in value.items() if is_on), None)
    return value


def _first(attributes: dict, keys: Iterable[str]) -> str | None:
    """Value of the first of some attributes that is set."""
    values = (attributes.get(key) for key in keys)
    return next((str(v) for v in values if v not in (None, '')), None)


def _read_json(content: dict) -> dict[str, list]:
    """Regions by image."""
    images: dict[str, list] = defaultdict(list)
    for entry in content.get('_via_img_metadata', content).values():
        regions = entry['regions'] or []
        # those of VIA 1 have their numbers as keys
        is_first = isinstance(regions, dict)
        images[entry['filename']] += regions.values() if is_first else regions
    return images


def _read_csv(text: str) -> dict[str, list]:
    """Regions by image."""
    images: dict[str, list] = defaultdict(list)
    for row in csv.DictReader(io.StringIO(text)):
        keys = ('shape_attributes', 'region_attributes')
        cells = row['region_shape_attributes'], row['region_attributes']
        region = dict(zip(keys, map(json.loads, cells)))
        images[row['filename']] += [region] if region[keys[0]] else []
    return images
