# Copyright (c) cape_mm contributors. All rights reserved.
"""COCO-like files: videos of PoseTrack18 and 21, and images of COCO."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import PurePosixPath
from typing import Sequence

import numpy as np

from cape_mm.datasets.formats.annotation_report import AnnotationReport
from cape_mm.errors import DataError, shorten
from cape_mm.structures.coordinates import clip_polygon

from ..json_values import (
    as_box,
    as_dict,
    as_flag,
    as_id,
    as_keypoints,
    as_list,
    as_number,
    as_text,
    refuse_repeated,
)
from .instances import HIDDEN, UNLABELLED, VISIBLE, AnnotatedPerson
from .keypoints import NOT_IN_COCO

# Beyond any image, and small enough to be drawn, in pixels; as good as
# infinite, and small enough to be multiplied.
_FAR, _END = 1e5, 1e12


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
    images = _read_image_list(content, path)
    persons = _read_persons(content, images, path, names, report, is_coco)
    frames = []
    for position, (image_id, image) in enumerate(images.items()):
        where = f'{path}: image {image_id}'
        frame = dict(
            file_name=image['file_name'],
            frame_number=position,
            is_labeled=True,
            img_id=image_id,
            size=None,
            ignore_regions=[],
            persons=persons[image_id],
        )
        if image.get('width') and image.get('height'):
            sides = (image['width'], image['height'])
            frame['size'] = tuple(
                int(as_number(side, f'{where}: size')) for side in sides
            )
            if min(frame['size']) < 1:
                raise DataError(f'{where}: the size is {frame["size"]}')
        if not is_coco:
            is_labeled = image.get('is_labeled')
            if is_labeled is None:
                is_labeled = bool(frame['persons'])
            frame.update(
                frame_number=read_frame_number(image['file_name'], where),
                is_labeled=as_flag(is_labeled, f'{where}: is_labeled'),
                ignore_regions=_read_regions(image, where),
            )
        frames.append(frame)
    labelled = sum(frame['is_labeled'] for frame in frames)
    if 'annotations' not in content and labelled:
        raise DataError(
            f"{path} has no list 'annotations', but {labelled} of its "
            f'{len(frames)} frames are marked as labelled: add it (it may be '
            'empty), or set is_labeled to false'
        )
    return frames


def _read_image_list(content: dict, path: str) -> dict[int, dict]:
    """Images by id."""
    images = as_list(content['images'], f"{path}: 'images'")
    ids = []
    for position, image in enumerate(images):
        where = f'{path}: image number {position}'
        if not isinstance(image, dict) or not {'file_name', 'id'} <= {*image}:
            raise DataError(f'{where} has no file_name or no id')
        as_text(image['file_name'], f'{where}: file_name')
        ids.append(as_id(image['id'], f'{where}: id'))
    refuse_repeated(ids, 'image id(s)', path)
    return dict(zip(ids, images))


def read_frame_number(file_name: str, where: str) -> int:
    """The first number in the name of an image, the folders left out."""
    match = re.search(r'\d+', PurePosixPath(file_name).stem)
    if match is None:
        raise DataError(
            f'{where}: the order of frames is unknown, because the name of '
            f'the image {file_name!r} has no number; name images by their '
            'frame number, e.g. 000017.jpg'
        )
    return int(match.group())


def _read_persons(
    content: dict,
    images: dict[int, dict],
    path: str,
    names: Sequence[str],
    report: AnnotationReport,
    is_coco: bool,
) -> dict[int, list[AnnotatedPerson]]:
    """All persons by the image's id."""
    persons: dict[int, list[AnnotatedPerson]] = defaultdict(list)
    annotations = content.get('annotations') or []
    as_list(annotations, f"{path}: 'annotations'")
    if not annotations:
        return persons
    absent = NOT_IN_COCO if is_coco else ()
    category, total, columns = _match_names(content, path, names, absent)
    others = []
    for position, annotation in enumerate(annotations):
        where = f'{path}: annotation number {position}'
        record = f'annotation {as_dict(annotation, where).get("id")}'
        where = f'{path}: {record}'
        image_id = as_id(annotation.get('image_id'), f'{where}: image_id')
        found = annotation.get('category_id')
        if found is not None:
            found = as_id(found, f'{where}: category_id')
        if image_id not in images:
            report.add('unknown_image', record)
        elif found not in (None, category):
            others.append(found)
            report.add('other_category', f'{record}: category {found}')
        else:
            points = _read_points(annotation, where, total)[columns]
            if not is_coco:  # COCO's flag is the state
                points[:, 2] = _posetrack_states(points)
            area, track_id = annotation.get('area'), annotation.get('track_id')
            if track_id is not None:
                track_id = as_id(track_id, f'{where}: track_id')
            if area is not None:
                area = as_number(area, f'{where}: area')
            person = AnnotatedPerson(
                record=record,
                keypoints=points,
                track_id=track_id,
                bbox=_read_box(annotation, 'bbox', where),
                head_box=_read_box(annotation, 'bbox_head', where),
                area=area,
                is_crowd=as_flag(
                    annotation.get('iscrowd'), f'{where}: iscrowd'
                ),
            )
            persons[image_id].append(person)
    if others and not persons:
        raise DataError(
            f'{path}: no annotation has the category_id {category} of its '
            f'category of persons, but {sorted(set(others))[:5]}: correct '
            "the id in 'categories'"
        )
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
    where = f"{path}: 'categories'"
    categories = [
        category
        for category in as_list(content.get('categories') or [], where)
        if as_dict(category, f'an entry of {where}').get('keypoints')
    ]
    if len(categories) != 1:
        raise DataError(
            f'{path} has {len(categories)} categories with names of '
            "keypoints, it needs one: 'person'"
        )
    found = as_list(categories[0]['keypoints'], f'{where}: keypoints')
    for name in found:
        as_text(name, f'{where}: a name of a keypoint')
    refuse_repeated(found, 'name(s) of keypoints', path)
    missing = [
        name for name in names if name not in found and name not in absent
    ]
    if missing:
        raise DataError(
            f'{path} lacks the keypoints {", ".join(missing)}; it has '
            f'{", ".join(found)}. Choose another keypoint_layout, or correct '
            "'keypoints' of the file's category"
        )
    total = len(found)
    columns = [found.index(name) if name in found else total for name in names]
    return as_id(categories[0].get('id'), f'{where}: id'), total, columns


def _read_points(annotation: dict, where: str, total: int) -> np.ndarray:
    """Keypoints as in the file and a row of zeros: (total + 1, 3) float32."""
    # PoseTrack21 annotates small persons by their box alone.
    values = annotation.get('keypoints') or [0] * 3 * total
    points = np.zeros((total + 1, 3), np.float32)
    points[:total] = as_keypoints(values, f'{where}: keypoints', total)
    return points


def _read_box(entry: dict, key: str, where: str) -> np.ndarray | None:
    """Turn x, y, width, height into (4,) x1, y1, x2, y2."""
    box = entry.get(key)
    if box is None or box == []:
        return None
    x, y, width, height = as_box(box, f'{where}: {key}')
    return np.array([x, y, x + width, y + height], np.float32)


def _read_regions(image: dict, where: str) -> list[np.ndarray]:
    """Polygons of an image, (P, 2) float32 each."""
    all_x, all_y = (
        as_list(image.get(key) or [], f'{where}: {key}')
        for key in ('ignore_regions_x', 'ignore_regions_y')
    )
    if not all(isinstance(part, list) for part in (*all_x, *all_y)):
        raise DataError(
            f'{where}: ignore_regions_x and ignore_regions_y need a list for '
            'each polygon, also for a single one: [[0, 96, 96]]'
        )
    if [len(x) for x in all_x] != [len(y) for y in all_y]:
        raise DataError(
            f'{where}: ignore_regions_x and ignore_regions_y have not the '
            'same lengths'
        )
    return [
        read_polygon(x, y, f'{where}: an ignore region')
        for x, y in zip(all_x, all_y)
    ]


def read_polygon(x: list, y: list, where: str) -> np.ndarray:
    """Corners (P, 2), float32, of an ignore region, none of them far away.

    Corners at 1e9 mean "everything to this side": rasterising such a polygon
    would take for ever, and float32 would move its edges.
    """
    for value in (*x, *y):
        is_number = isinstance(value, (int, float))
        if isinstance(value, bool) or not is_number or value != value:
            raise DataError(f'{where} has the corner {shorten(value)}')
    corners = [[min(max(v, -_END), _END) for v in part] for part in (x, y)]
    polygon = np.array(corners, np.float64).reshape(2, -1).T
    return clip_polygon(polygon, [-_FAR] * 2, [_FAR] * 2).astype(np.float32)
