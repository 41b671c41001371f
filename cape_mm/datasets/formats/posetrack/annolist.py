# Copyright (c) cape_mm contributors. All rights reserved.
"""Annotation files of PoseTrack17: ``annolist`` of frames."""

from __future__ import annotations

from typing import Any, Sequence

import numpy as np

from cape_mm.datasets.formats.annotation_report import AnnotationReport
from cape_mm.errors import DataError

from ..json_values import (
    as_dict,
    as_flag,
    as_id,
    as_list,
    as_number,
    as_text,
)
from .instances import HIDDEN, VISIBLE, AnnotatedPerson
from .keypoints import POSETRACK17_KEYPOINTS
from .video_json import read_frame_number, read_polygon


def read_annolist(
    content: dict, path: str, names: Sequence[str], report: AnnotationReport
) -> list[dict]:
    """Frames of a PoseTrack17 file as :mod:`.reader` describes them.

    Every value may be bare or a list of one, as MATLAB's export has it.
    """
    frames = []
    for position, entry in enumerate(_listed(content['annolist'], path)):
        where = f'{path}: entry {position} of annolist'
        try:
            file_name = _single(entry['image'], where)['name']
        except (KeyError, TypeError):
            raise DataError(
                f"{where} has no image name (['image'][0]['name'])"
            ) from None
        as_text(file_name, f'{where}: the image name')
        persons = [
            _read_person(rect, f'annorect {number}', where, names, report)
            for number, rect in enumerate(
                _listed(entry.get('annorect'), f'{where}: annorect')
            )
        ]
        labeled = entry.get('is_labeled')
        is_labeled = any((p.keypoints[:, 2] > 0).any() for p in persons)
        if labeled not in (None, []):
            is_labeled = as_flag(
                _single(labeled, where), f'{where}: is_labeled'
            )
        frames.append(
            dict(
                file_name=file_name,
                frame_number=read_frame_number(file_name, where),
                is_labeled=is_labeled,
                img_id=None,
                size=None,
                persons=persons,
                ignore_regions=[
                    _read_region(region, f'{where}: an ignore region')
                    for region in _listed(
                        entry.get('ignore_regions'),
                        f'{where}: ignore_regions',
                    )
                ],
            )
        )
    return frames


def _read_person(
    rect: dict,
    record: str,
    where: str,
    names: Sequence[str],
    report: AnnotationReport,
) -> AnnotatedPerson:
    """Read one ``annorect``."""
    where = f'{where}, {record}'
    keypoints = np.zeros((len(names), 3), np.float32)
    points = rect.get('annopoints')
    if points:
        known = set()
        for point in _points_of(_single(points, where), where):
            number = _number(point, 'id', where)
            if number is None:
                raise DataError(f'{where} has a point without id: {point}')
            if number not in range(len(POSETRACK17_KEYPOINTS)):
                raise DataError(
                    f'{where} has keypoint id {number:g}; PoseTrack17 has 0 '
                    f'to {len(POSETRACK17_KEYPOINTS) - 1}'
                )
            if number in known:
                report.add('repeated_keypoint', f'{where}: id {number:g}')
                continue
            known.add(number)
            name = POSETRACK17_KEYPOINTS[int(number)]
            if name in names:
                keypoints[names.index(name)] = _place_and_state(point, where)
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
        track_id=None
        if track_id is None
        else as_id(track_id, f'{where}: track_id'),
        head_box=head_box,
    )


def _place_and_state(point: dict, where: str) -> tuple[float, float, int]:
    """x, y and state; only labelled keypoints are there, 0 is hidden."""
    x, y = _number(point, 'x', where), _number(point, 'y', where)
    if x is None or y is None:
        raise DataError(f'{where} has a point without place: {point}')
    is_visible = _number(point, 'is_visible', where)
    return x, y, HIDDEN if is_visible == 0 else VISIBLE


def _points_of(group: Any, where: str) -> list[dict]:
    """Entries of ``point``."""
    group = as_dict(group, f'{where}: annopoints')
    return _listed(group.get('point'), f'{where}: point')


def _read_region(group: Any, where: str) -> np.ndarray:
    """Corners (P, 2), float32."""
    points = _points_of(group, where)
    corners = [[_bare(p, key, where) for p in points] for key in 'xy']
    return read_polygon(*corners, where)


def _listed(entries: Any, where: str) -> list[dict]:
    """Objects that may be missing, or a single one without a list."""
    if entries in (None, [], {}):
        return []
    if isinstance(entries, dict):
        return [entries]
    return [
        as_dict(entry, f'an entry of {where}')
        for entry in as_list(entries, where)
    ]


def _bare(entry: dict, key: str, where: str) -> Any:
    """A value that may be missing, empty, bare or a list of one."""
    value = entry.get(key)
    return None if value is None or value == [] else _single(value, where)


def _number(entry: dict, key: str, where: str) -> float | None:
    """A number that may be missing, empty, bare or a list of one."""
    value = _bare(entry, key, where)
    return None if value is None else as_number(value, f'{where}: {key}')


def _single(value: Any, where: str) -> Any:
    """Take a value out of its list of one."""
    if not isinstance(value, list):
        return value
    if len(value) != 1:
        raise DataError(
            f'{where} has a list of {len(value)} where PoseTrack17 has one '
            f'value: {str(value)[:80]}'
        )
    return value[0]
