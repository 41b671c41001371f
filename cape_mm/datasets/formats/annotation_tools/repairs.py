# Copyright (c) cape_mm contributors. All rights reserved.
"""Repairs of what annotation files hold, each counted in a report."""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import Any, Sequence

import numpy as np

from cape_mm.datasets.formats.annotation_report import (
    PROBLEMS,
    AnnotationReport,
)
from cape_mm.datasets.formats.mp100.annotation_file import clean_box

from ..plausibility import is_outside
from .annotations import extent_of

#: Kinds of remarks on an import, and what is done about them.
REPAIRS = OrderedDict(
    PROBLEMS,
    ignored_file='files that are no annotations (not read)',
    ignored_shape='shapes that are no keypoints or boxes (skipped)',
    other_category='instances of other categories than --category (skipped)',
    cancelled='tasks without valid annotation (skipped)',
    second_annotation='further annotations of a task (first one kept)',
    predictions='predictions beside labels (skipped)',
    interpolated='instances that the tool interpolated (kept)',
    skeleton_base='skeletons that count from 1 (1 subtracted)',
    unclear_skeleton=(
        'skeletons that may count from 0 or from 1 (dropped: give '
        '--skeleton-base)'
    ),
    reordered='categories with another order of keypoints (matched by name)',
    lone_keypoint='keypoints that belong to no object (skipped)',
    duplicate_keypoint='keypoints labelled twice on an object (first kept)',
    bad_flag='flags v that are not 0, 1 or 2 (set to the nearest)',
    flag_scores='instances with scores as flags v (kept as scores, v = 2)',
    binary_flags='categories with flags 0 and 1 only (1 taken as visible)',
    not_a_number='keypoints that are NaN, infinite or no numbers (v = 0)',
    repeated_track_id='tracks that occur twice on an image (later: none)',
    duplicate_instance='instances given twice (first one kept)',
    box_made='boxes that are missing or empty (made from the keypoints)',
    unclear_image='images of which there are several (left out)',
    link_out=(
        'images that are links out of their folder (left out: give the '
        'folder that they lead to as --image-root, or copy them)'
    ),
    unreadable='files that are no readable images (left out)',
    image='remarks on images (kept)',
    wrong_size='images of another size than annotated (left out)',
    rescaled='images annotated at another size (coordinates scaled)',
    exif='images annotated before their EXIF rotation (coordinates rotated)',
    renamed='images with the name of another one (renamed)',
)
REPAIRS['missing_image'] = 'images that are missing (left out)'
REPAIRS['outside'] = 'labelled keypoints outside of their image (v = 0)'
#: Pixels that a keypoint may lie outside of its image by rounding.
_TOLERANCE = 1.0


def to_number(value: Any) -> float:
    """Number of a file; NaN if it is none."""
    try:
        return math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan


def repair_flags(
    flags: np.ndarray, where: str, report: AnnotationReport
) -> tuple[np.ndarray, np.ndarray | None]:
    """Make the flags of an instance 0, 1 or 2.

    Args:
        flags (np.ndarray): Flags (K,) of a file, any numbers; scores between
            0 and 1 count as such.
        where (str): Name of the instance in the report.
        report (AnnotationReport): Counter of :data:`REPAIRS`.

    Returns:
        tuple[np.ndarray, np.ndarray | None]: Flags (K,), and the scores (K,)
        that were in their place, if any.
    """
    flags, scores = np.where(np.isfinite(flags), flags, 0), None
    if ((flags > 0) & (flags < 1)).any() and (flags <= 1).all():
        report.add('flag_scores', where)
        scores = flags
        flags = np.where(flags > 0, 2, flags)
    nearest = np.clip(np.rint(flags), 0, 2)
    for value in flags[nearest != flags]:
        report.add('bad_flag', f'{where}: v = {value:g}')
    return nearest, scores


def repair_binary_flags(
    flags: Sequence[np.ndarray], category: str, report: AnnotationReport
) -> list[np.ndarray]:
    """Make 1 mean visible in a category without any 2.

    Args:
        flags (Sequence[np.ndarray]): Flags (K,) of each instance, 0, 1 or 2.
        category (str): Name of the category in the report.
        report (AnnotationReport): Counter of :data:`REPAIRS`.

    Returns:
        list[np.ndarray]: Flags (K,) of each instance.
    """
    if {value for entry in flags for value in entry} - {0} != {1}:
        return [*flags]
    report.add('binary_flags', category)
    return [2 * entry for entry in flags]


def repair_keypoints(
    keypoints: np.ndarray,
    size: tuple[int, int],
    names: Sequence[str],
    where: str,
    report: AnnotationReport,
) -> np.ndarray:
    """Make keypoints with bad coordinates unlabelled.

    Args:
        keypoints (np.ndarray): Keypoints (K, 3): x, y in original pixels,
            any numbers, and v.
        size (tuple[int, int]): Width and height of the image.
        names (Sequence[str]): Names of the K keypoints.
        where (str): Name of the instance in the report.
        report (AnnotationReport): Counter of :data:`REPAIRS`.

    Returns:
        np.ndarray: Keypoints (K, 3), zeros where unlabelled.
    """
    xy, v = keypoints[:, :2], keypoints[:, 2]
    is_bad = ~np.isfinite(xy).all(1)
    is_out = is_outside(xy, size, _TOLERANCE) & ~is_bad
    for kind, mask in (('not_a_number', is_bad), ('outside', is_out)):
        for index in np.flatnonzero(mask & (v > 0)):
            place = f'{names[index]} at {xy[index].tolist()}'
            report.add(kind, f'{where} {place}')
    is_good = ~is_bad & ~is_out & (v > 0)
    return np.where(is_good[:, None], keypoints, 0)


def repair_box(
    box: np.ndarray | None,
    keypoints: np.ndarray,
    size: tuple[int, int],
    where: str,
    report: AnnotationReport,
) -> np.ndarray:
    """Clip a box to its image, or make one that loaders accept.

    Args:
        box (np.ndarray, optional): Box (4,): x1, y1, x2, y2 in original
            pixels, any numbers.
        keypoints (np.ndarray): Keypoints (K, 3) after
            :func:`repair_keypoints`.
        size (tuple[int, int]): Width and height of the image.
        where (str): Name of the instance in the report.
        report (AnnotationReport): Counter of :data:`REPAIRS`.

    Returns:
        np.ndarray: Box (4,) inside the image; around the keypoints if it was
        missing or empty, else the whole image.
    """
    if box is not None and np.isfinite(box).all():
        box = np.clip(box, 0, np.tile(size, 2))
        if _is_usable(box, size):
            return box
    report.add('box_made', where)
    box = extent_of(keypoints, size)
    return box if _is_usable(box, size) else np.array([0.0, 0, *size])


def _is_usable(box: np.ndarray, size: tuple[int, int]) -> bool:
    """Whether loaders of MP-100 accept a box."""
    return clean_box([*box[:2], *(box[2:] - box[:2])], *size) is not None
