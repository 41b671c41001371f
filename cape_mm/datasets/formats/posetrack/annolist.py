# Copyright (c) cape_mm contributors. All rights reserved.
"""Annotation files of PoseTrack17: ``annolist`` of frames."""

from __future__ import annotations

from typing import Any, Sequence

import numpy as np

from .instances import HIDDEN, VISIBLE, AnnotatedPerson
from .keypoints import POSETRACK17_KEYPOINTS
from .video_json import read_frame_number


def read_annolist(
    content: dict, path: str, names: Sequence[str]
) -> list[dict]:
    """Frames of a PoseTrack17 file as :mod:`.reader` describes them.

    Every value may be bare or a list of one, as MATLAB's export has it.
    """
    frames = []
    for position, entry in enumerate(_listed(content['annolist'])):
        where = f'{path}: entry {position} of annolist'
        try:
            file_name = _single(entry['image'], where)['name']
        except (KeyError, TypeError):
            raise ValueError(
                f"{where} has no image name (['image'][0]['name'])"
            ) from None
        persons = [
            _read_person(rect, f'annorect {number}', where, names)
            for number, rect in enumerate(_listed(entry.get('annorect')))
        ]
        labeled = entry.get('is_labeled')
        is_labeled = any((p.keypoints[:, 2] > 0).any() for p in persons)
        if labeled not in (None, []):
            is_labeled = bool(_single(labeled, where))
        frames.append(
            dict(
                file_name=file_name,
                frame_number=read_frame_number(file_name, where),
                is_labeled=is_labeled,
                img_id=None,
                size=None,
                persons=persons,
                ignore_regions=[
                    _read_points(region, where)[:, 1:3]
                    for region in _listed(entry.get('ignore_regions'))
                ],
            )
        )
    return frames


def _read_person(
    rect: dict, record: str, where: str, names: Sequence[str]
) -> AnnotatedPerson:
    """Read one ``annorect``."""
    where = f'{where}, {record}'
    keypoints = np.zeros((len(names), 3), np.float32)
    points = rect.get('annopoints')
    if points:
        for number, x, y, state in _read_points(_single(points, where), where):
            if not 0 <= number < len(POSETRACK17_KEYPOINTS):
                raise ValueError(
                    f'{where} has keypoint id {number:g}; PoseTrack17 has 0 '
                    f'to {len(POSETRACK17_KEYPOINTS) - 1}'
                )
            name = POSETRACK17_KEYPOINTS[int(number)]
            if name in names:
                keypoints[names.index(name)] = x, y, state
    corners = [_number(rect, key, where) for key in ('x1', 'y1', 'x2', 'y2')]
    head_box = None
    if None not in corners:
        # any two opposite corners
        head_box = np.sort(np.reshape(corners, (2, 2)), axis=0)
        head_box = head_box.ravel().astype(np.float32)
    track_id = _number(rect, 'track_id', where)
    return AnnotatedPerson(
        record=record,
        keypoints=keypoints,
        track_id=None if track_id is None else int(track_id),
        head_box=head_box,
    )


def _read_points(group: dict, where: str) -> np.ndarray:
    """Read ``point`` entries: (P, 4) float32 of id, x, y, state.

    Only labelled keypoints are there; those with ``is_visible`` 0 are hidden.
    """
    points = _listed(group.get('point'))
    rows = np.zeros((len(points), 4), np.float32)
    for row, point in zip(rows, points):
        x, y = _number(point, 'x', where), _number(point, 'y', where)
        if x is None or y is None or not np.isfinite([x, y]).all():
            raise ValueError(f'{where} has a point without place: {point}')
        is_visible = _number(point, 'is_visible', where)
        state = HIDDEN if is_visible == 0 else VISIBLE
        row[:] = _number(point, 'id', where) or 0, x, y, state
    return rows


def _listed(entries: None | dict | list) -> list:
    """A list of entries that may be missing, or a single one without it."""
    entries = entries or []
    return [entries] if isinstance(entries, dict) else entries


def _number(entry: dict, key: str, where: str) -> float | None:
    """A number that may be missing, empty, bare or a list of one."""
    value = entry.get(key)
    if value is None or value == []:
        return None
    value = _single(value, where)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f'{where}: {key} is {value!r}, not a number')
    return value


def _single(value: Any, where: str) -> Any:
    """Take a value out of its list of one."""
    if not isinstance(value, list):
        return value
    if len(value) != 1:
        raise ValueError(
            f'{where} has a list of {len(value)} where PoseTrack17 has one '
            f'value: {str(value)[:80]}'
        )
    return value[0]
