# Copyright (c) cape_mm contributors. All rights reserved.
"""What clicks and buttons of the page do to a project."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from cape_mm.errors import DataError

from .labels import (
    EMPTY,
    PREDICTED,
    Instance,
    Labels,
    flag_keypoint,
    place_keypoint,
    set_box,
    toggle_edge,
)
from .project import Project

#: What a click means.
MODES = KEYPOINTS, BOX, SKELETON = 'Keypoints', 'Box', 'Skeleton'
#: A click selects a keypoint within this share of the view's longest side.
REACH = 0.015


@dataclass(frozen=True)
class Cursor:
    """Where a user is.

    Attributes:
        key (str): Key of the instance.
        target (int, optional): Index of the keypoint that the next click
            places.
        last (int, optional): Index of the keypoint that was placed last.
        mode (str): One of :data:`MODES`.
        corner (tuple[float, float], optional): First corner of a box,
            original pixels.
        edge (int, optional): First end of an edge.
        zoom (tuple[float, float], optional): Centre of the enlarged part,
            original pixels.
    """

    key: str
    target: int | None = None
    last: int | None = None
    mode: str = KEYPOINTS
    corner: tuple[float, float] | None = None
    edge: int | None = None
    zoom: tuple[float, float] | None = None


def go_to(labels: Labels, key: str) -> Cursor:
    """Begin with an instance: its next keypoint is the target."""
    return Cursor(key, _next_target(labels.instances[key]))


def click(
    project: Project, cursor: Cursor, x: float, y: float, reach: float
) -> Cursor:
    """Do what a click means.

    In the mode :data:`KEYPOINTS` it selects a keypoint that is near, or places
    the target; two clicks make a box or an edge in the other modes.

    Args:
        project (Project): Open project.
        cursor (Cursor): Where the user is.
        x (float): x, original pixels.
        y (float): y, original pixels.
        reach (float): Distance of a keypoint that is near, original pixels.

    Returns:
        Cursor: Where the user is then.

    Raises:
        DataError: If the click means nothing, in one sentence.
    """
    labels = project.labels
    instance = labels.instances[cursor.key]
    if cursor.mode == BOX:
        if cursor.corner is None:
            return replace(cursor, corner=(x, y))
        project.do(set_box, cursor.key, [*cursor.corner, x, y])
        return replace(cursor, corner=None, mode=KEYPOINTS)
    near = _find_near(instance, x, y, reach)
    if cursor.mode == SKELETON:
        if near is None or near == cursor.edge:
            raise DataError(
                'an edge joins two keypoints: click one, then another'
            )
        if cursor.edge is None:
            return replace(cursor, edge=near)
        project.do(toggle_edge, cursor.edge, near)
        return replace(cursor, edge=None)
    target = cursor.target
    is_move = target is not None and instance.keypoints[target][2] > 0
    if near is not None and not is_move:
        return replace(cursor, target=near, last=near)
    if target is None:
        if not labels.keypoint_names:
            raise DataError(
                'there are no keypoints yet: write their names in Project'
            )
        raise DataError(
            'all keypoints have a place: click one to select it, then click '
            'where it belongs'
        )
    # a hidden keypoint that is moved stays hidden
    v = instance.keypoints[target][2] or 2
    project.do(place_keypoint, cursor.key, target, x, y, v)
    return _after(project, cursor, target)


def flag(project: Project, cursor: Cursor, v: int) -> Cursor:
    """Call the target, or the last keypoint, visible, hidden or not visible.

    Args:
        project (Project): Open project.
        cursor (Cursor): Where the user is.
        v (int): 2 visible, 1 hidden, 0 not visible.

    Returns:
        Cursor: Where the user is then.
    """
    index = _current(project, cursor, needs_place=v > 0)
    project.do(flag_keypoint, cursor.key, index, v)
    return _after(project, cursor, index)


def nudge(project: Project, cursor: Cursor, dx: float, dy: float) -> Cursor:
    """Move the target, or the last keypoint, by some original pixels."""
    index = _current(project, cursor, needs_place=True)
    x, y, v = project.labels.instances[cursor.key].keypoints[index]
    project.do(place_keypoint, cursor.key, index, x + dx, y + dy, v)
    return replace(cursor, last=index)


def zoom(labels: Labels, cursor: Cursor) -> Cursor:
    """Enlarge the part around the current keypoint, or show all again."""
    if cursor.zoom is not None:
        return replace(cursor, zoom=None)
    instance = labels.instances[cursor.key]
    for index in (cursor.target, cursor.last):
        if index is not None and instance.keypoints[index][2]:
            return replace(cursor, zoom=instance.keypoints[index][:2])
    box = instance.box or (0, 0, *instance.size)
    return replace(cursor, zoom=((box[0] + box[2]) / 2, (box[1] + box[3]) / 2))


def stay_valid(labels: Labels, cursor: Cursor | None) -> Cursor | None:
    """The cursor, or the first instance if its own is gone, as by undo."""
    count = len(labels.keypoint_names)
    if cursor is not None and cursor.key in labels.instances:
        indices = (cursor.target, cursor.last, cursor.edge)
        if all(i is None or i < count for i in indices):
            return cursor
        return go_to(labels, cursor.key)
    first = next(iter(labels.instances), None)
    return None if first is None else go_to(labels, first)


def describe(labels: Labels, cursor: Cursor) -> str:
    """One sentence on what the next click does."""
    names = labels.keypoint_names
    if cursor.mode == BOX:
        which = 'one corner' if cursor.corner is None else 'the other corner'
        return f'Click {which} of the box'
    if cursor.mode == SKELETON:
        if cursor.edge is None:
            return 'Click a keypoint where an edge begins'
        return f'Click the keypoint to join with **{names[cursor.edge]}**'
    if cursor.target is None:
        return 'Click a keypoint to select it'
    name = names[cursor.target]
    if labels.instances[cursor.key].keypoints[cursor.target][2]:
        return f'Click where **{name}** belongs'
    return f'Click **{name}** ({cursor.target + 1} of {len(names)})'


def order_by_worth(labels: Labels) -> list[str]:
    """Predicted instances, those most worth a look first: lowest scores."""
    return sorted(
        labels.keys(PREDICTED),
        key=lambda key: labels.instances[key].mean_score,
    )


def apply_table(project: Project, key: str, rows: list[list]) -> None:
    """Take over a table of keypoints that was edited.

    Args:
        project (Project): Open project.
        key (str): Key of the instance.
        rows (list[list]): Name, x, y, v of each keypoint, as
            :func:`make_table` makes them; an empty x or y removes it.

    Raises:
        DataError: If a value is no number.
    """
    instance = project.labels.instances[key]
    changes = []
    for index, (known, (name, *values)) in enumerate(
        zip(instance.keypoints, rows)
    ):
        if any(value in (None, '') for value in values[:2]):
            values = known[0], known[1], 0
        try:
            x, y, v = (float(value) for value in values[:3])
        except (TypeError, ValueError):
            x = y = v = np.nan
        if not np.isfinite([x, y]).all() or v not in (0, 1, 2):
            raise DataError(
                f'{name}: x and y must be numbers, v 2 (visible), 1 (hidden) '
                f'or 0 (not visible), not {values[:3]}'
            )
        if (x, y, v) != known and (v or known[2]):
            changes.append((index, x, y, int(v)))

    def change(labels: Labels) -> Labels:
        for entry in changes:
            labels = place_keypoint(labels, key, *entry)
        return labels

    project.do(change)


def make_table(labels: Labels, key: str) -> list[list]:
    """Name, x, y, v and score of each keypoint of an instance."""
    instance = labels.instances[key]
    scores = instance.scores or ('',) * len(instance.keypoints)
    return [
        [name, *(point if point[2] else ('', '', 0)), score]
        for name, point, score in zip(
            labels.keypoint_names, instance.keypoints, scores
        )
    ]


def _current(project: Project, cursor: Cursor, needs_place: bool) -> int:
    """Index of the target, or of the last keypoint if it must have a place."""
    points = project.labels.instances[cursor.key].keypoints
    for index in (cursor.target, cursor.last):
        if index is not None and (points[index][2] or not needs_place):
            return index
    raise DataError('no keypoint is selected: click one first')


def _after(project: Project, cursor: Cursor, index: int) -> Cursor:
    """The cursor after a keypoint has been placed."""
    instance = project.labels.instances[cursor.key]
    target = _next_target(instance, index)
    return replace(cursor, target=target, last=index)


def _next_target(instance: Instance, done: int = -1) -> int | None:
    """Next keypoint to be placed by hand; none on predicted images."""
    if instance.scores is not None:
        return None
    labelled = [i for i, p in enumerate(instance.keypoints) if p[2]]
    start = max([done, *labelled] if instance.status != EMPTY else [done]) + 1
    return start if start < len(instance.keypoints) else None


def _find_near(
    instance: Instance, x: float, y: float, reach: float
) -> int | None:
    """Nearest keypoint within reach."""
    points = np.array(instance.keypoints, np.float64).reshape(-1, 3)
    gaps = np.hypot(points[:, 0] - x, points[:, 1] - y)
    gaps[points[:, 2] == 0] = np.inf
    if not len(gaps) or gaps.min() > reach:
        return None
    return int(gaps.argmin())
