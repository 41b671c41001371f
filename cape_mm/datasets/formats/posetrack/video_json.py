# Copyright (c) cape_mm contributors. All rights reserved.
"""COCO-like files: videos of PoseTrack18 and 21, and images of COCO."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import PurePosixPath
from typing import Sequence

import numpy as np

from cape_mm.datasets.formats.annotation_report import AnnotationReport

from .instances import HIDDEN, UNLABELLED, VISIBLE, AnnotatedPerson
from .keypoints import NOT_IN_COCO


def read_images(
    content: dict,
    path: str,
    names: Sequence[str],
    report: AnnotationReport,
    is_coco: bool = False,
) -> list[dict]:
    """Frames of a file as :mod:`.reader` describes them.

    PoseTrack's flag of a keypoint is 0 or 1. As poseval and PoseTrack21's kit
    do, a keypoint is taken as labelled if it has coordinates: with flag 0 it
    is hidden. A flag of 2, as COCO has it, is visible, too.
    """
    persons = _read_persons(content, path, names, report, is_coco)
    frames = []
    for position, image in enumerate(content['images']):
        where = f'{path}: image {image["id"]}'
        frame = dict(
            file_name=image['file_name'],
            frame_number=position,
            is_labeled=True,
            img_id=image['id'],
            size=None,
            ignore_regions=[],
            persons=persons[image['id']],
        )
        if image.get('width') and image.get('height'):
            frame['size'] = (int(image['width']), int(image['height']))
        if not is_coco:
            is_labeled = image.get('is_labeled', frame['persons'])
            frame.update(
                frame_number=read_frame_number(image['file_name'], where),
                is_labeled=bool(is_labeled),
                ignore_regions=_read_regions(image, where),
            )
        frames.append(frame)
    return frames


def read_frame_number(file_name: str, where: str) -> int:
    """The first number in the name of an image, the folders left out."""
    match = re.search(r'\d+', PurePosixPath(file_name).stem)
    if match is None:
        raise ValueError(
            f'{where}: the order of frames is unknown, because the name of '
            f'the image {file_name!r} has no number; name images by their '
            'frame number, e.g. 000017.jpg'
        )
    return int(match.group())


def _read_persons(
    content: dict,
    path: str,
    names: Sequence[str],
    report: AnnotationReport,
    is_coco: bool,
) -> dict[int, list[AnnotatedPerson]]:
    """All persons by the image's id."""
    known = set()
    for position, image in enumerate(content['images']):
        if 'file_name' not in image or 'id' not in image:
            raise ValueError(
                f'{path}: image number {position} has no file_name or no id'
            )
        known.add(image['id'])
    persons: dict[int, list[AnnotatedPerson]] = defaultdict(list)
    annotations = content.get('annotations') or []
    if not annotations:
        return persons
    absent = NOT_IN_COCO if is_coco else ()
    category, total, columns = _match_names(content, path, names, absent)
    for annotation in annotations:
        record = f'annotation {annotation.get("id")}'
        where = f'{path}: {record}'
        if annotation.get('image_id') not in known:
            report.add('unknown_image', record)
        elif annotation.get('category_id', category) == category:
            points = _read_points(annotation, where, total)[columns]
            if not is_coco:  # COCO's flag is the state
                points[:, 2] = _posetrack_states(points)
            area, track_id = annotation.get('area'), annotation.get('track_id')
            person = AnnotatedPerson(
                record=record,
                keypoints=points,
                track_id=None if track_id is None else int(track_id),
                bbox=_read_box(annotation, 'bbox', where),
                head_box=_read_box(annotation, 'bbox_head', where),
                area=None if area is None else float(area),
                is_crowd=bool(annotation.get('iscrowd', False)),
            )
            persons[annotation['image_id']].append(person)
    return persons


def _posetrack_states(points: np.ndarray) -> np.ndarray:
    """States of (K, 3) keypoints with PoseTrack's flag 0 or 1."""
    has_place = (points[:, :2] != 0).any(axis=1)
    states = np.where(has_place, HIDDEN, UNLABELLED)
    states[points[:, 2] > 0] = VISIBLE
    return states


def _match_names(
    content: dict, path: str, names: Sequence[str], absent: Sequence[str]
) -> tuple[int, int, list[int]]:
    """The category, its number of keypoints, and the columns to read.

    A column behind the last is that of ``absent`` keypoints.
    """
    categories = [
        category
        for category in content.get('categories') or []
        if category.get('keypoints')
    ]
    if len(categories) != 1:
        raise ValueError(
            f'{path} has {len(categories)} categories with names of '
            "keypoints, it needs one: 'person'"
        )
    found = categories[0]['keypoints']
    missing = [
        name for name in names if name not in found and name not in absent
    ]
    if missing:
        raise ValueError(
            f'{path} lacks the keypoints {", ".join(missing)}; it has '
            f'{", ".join(found)}. Choose another keypoint_layout, or correct '
            "'keypoints' of the file's category"
        )
    total = len(found)
    columns = [found.index(name) if name in found else total for name in names]
    return categories[0]['id'], total, columns


def _read_points(annotation: dict, where: str, total: int) -> np.ndarray:
    """Keypoints as in the file and a row of zeros: (total + 1, 3) float32."""
    # PoseTrack21 annotates small persons by their box alone.
    values = annotation.get('keypoints') or [0] * 3 * total
    if len(values) != 3 * total:
        raise ValueError(
            f'{where} has {len(values)} numbers as keypoints, its category '
            f'has {total} keypoints of 3 numbers'
        )
    points = np.zeros((total + 1, 3), np.float32)
    points[:total] = np.reshape(values, (total, 3))
    if not np.isfinite(points).all():
        raise ValueError(f'{where} has keypoints that are not finite')
    return points


def _read_box(entry: dict, key: str, where: str) -> np.ndarray | None:
    """Turn x, y, width, height into (4,) x1, y1, x2, y2."""
    box = entry.get(key) or None
    if box is None:
        return None
    if len(box) != 4:
        raise ValueError(f'{where}: {key} is {box}, not 4 numbers')
    x, y, width, height = box
    return np.array([x, y, x + width, y + height], np.float32)


def _read_regions(image: dict, where: str) -> list[np.ndarray]:
    """Polygons of an image, (P, 2) float32 each."""
    all_x = image.get('ignore_regions_x') or []
    all_y = image.get('ignore_regions_y') or []
    if not all(isinstance(part, list) for part in (*all_x, *all_y)):
        raise ValueError(
            f'{where}: ignore_regions_x and ignore_regions_y need a list for '
            'each polygon, also for a single one: [[0, 96, 96]]'
        )
    if [len(x) for x in all_x] != [len(y) for y in all_y]:
        raise ValueError(
            f'{where}: ignore_regions_x and ignore_regions_y have not the '
            'same lengths'
        )
    return [
        np.array([x, y], np.float32).reshape(2, -1).T
        for x, y in zip(all_x, all_y)
    ]
