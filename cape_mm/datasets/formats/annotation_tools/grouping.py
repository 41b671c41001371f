# Copyright (c) cape_mm contributors. All rights reserved.
"""Objects from the loose points and boxes of an image."""

from __future__ import annotations

from typing import Any, Hashable, NamedTuple, Sequence

from .collector import Collector
from .source_image import SourceImage

#: Flags and attributes that mark a hidden keypoint.
HIDDEN = ('hidden', 'occluded', 'invisible')


class LoosePoint(NamedTuple):
    """A labelled point; ``group`` marks its object, None if not given."""

    name: str
    x: float
    y: float
    visible: int = 2
    group: Hashable = None


class LooseBox(NamedTuple):
    """A labelled box x1, y1, x2, y2; ``group`` marks its object."""

    label: str
    box: Sequence[float]
    group: Hashable = None


def add_objects(
    collector: Collector,
    source: SourceImage,
    points: Sequence[LoosePoint],
    boxes: Sequence[LooseBox],
    **extra: Any,
) -> None:
    """Add the objects that the points and boxes of an image make up.

    A point belongs to the object of its group. One without group belongs to
    the only box without group, or the smallest of them around it; without
    any box and group all points are one object.
    """
    report, where = collector.report, source.image.name
    # boxes without group are their own group
    owners: dict[Hashable, LooseBox] = {}
    for number, box in enumerate(boxes):
        key = ('box', number) if box.group is None else box.group
        if owners.setdefault(key, box) is not box:
            text = f'{where}: second box {box.label!r} of {key!r}'
            report.add('ignored_shape', text)
    free = {key: box for key, box in owners.items() if box.group is None}
    members: dict[Hashable, dict[str, LoosePoint]] = {}
    is_single = not boxes and all(point.group is None for point in points)
    for point in points:
        key = point.group
        if key is None and not is_single:
            key = _box_of(point, free)
            if key is None:
                report.add('lone_keypoint', f'{where}: {point.name}')
                continue
        named = members.setdefault(key, {})
        if named.setdefault(point.name, point) is not point:
            report.add('duplicate_keypoint', f'{where}: {point.name}')
    for key, box in owners.items():
        if key not in members:
            report.add('no_keypoints', f'{where}: {box.label}')
    for key, named in members.items():
        owner = owners.get(key)
        collector.add(
            source,
            owner.label if owner else collector.default_name,
            list(named),
            [(point.x, point.y, point.visible) for point in named.values()],
            owner.box if owner else None,
            **extra,
        )


def _box_of(point: LoosePoint, boxes: dict[Hashable, LooseBox]) -> Hashable:
    """Key of the only box, or of the smallest one around a point."""
    if len(boxes) == 1:
        return next(iter(boxes))
    areas = {}
    for key, (_, (x1, y1, x2, y2), _) in boxes.items():
        if x1 <= point.x <= x2 and y1 <= point.y <= y2:
            areas[key] = (x2 - x1) * (y2 - y1)
    return min(areas, key=areas.get) if areas else None
