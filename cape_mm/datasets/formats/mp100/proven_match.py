# Copyright (c) cape_mm contributors. All rights reserved.
"""When a downloaded image is proven to be the annotated one.

All of this is needed: every annotation of the image is found among the
original annotations of the candidate (the same labelled keypoints, at least
three; or the same box, number of keypoints and non-empty outline); the file
has exactly the annotated size; and no other candidate, unless it is the same
file byte for byte, has these properties.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple, Sequence

import numpy as np

from cape_mm.datasets.formats.image_check import loaded_size

_MIN_KEYPOINTS = 3
_TOLERANCE_PX = 0.01  # files round differently


class Candidate(NamedTuple):
    """A downloaded image with its original annotations.

    Attributes:
        path (Path): The image.
        objects (List[dict]): With ``keypoints`` (flat x, y, v) and, where
            there are, ``bbox``, ``num_keypoints``, ``segmentation``.
    """

    path: Path
    objects: list[dict]


class Match(NamedTuple):
    """An image that may be copied.

    Attributes:
        file_name (str): Name in the annotation file.
        path (Path): The proven image.
        proof (str): Why it is the right one.
    """

    file_name: str
    path: Path
    proof: str


class Unproven(NamedTuple):
    """An image for which nothing was proven.

    Attributes:
        file_name (str): Name in the annotation file.
        reason (str): What was looked at, and what is missing.
    """

    file_name: str
    reason: str


def prove(
    image: dict, annotations: Sequence[dict], candidates: Sequence[Candidate]
) -> Match | Unproven:
    """Find the candidate that is the annotated image beyond doubt.

    Args:
        image (dict): Of the annotation file.
        annotations (Sequence[dict]): All its annotations.
        candidates (Sequence[Candidate]): What it might be.

    Returns:
        Match | Unproven: The result.
    """
    name = image['file_name']
    if not candidates:
        return Unproven(name, 'no candidate')
    if not annotations:
        return Unproven(name, 'no annotation to compare')
    same = [c for c in candidates if _has_all(c.objects, annotations)]
    if not same:
        return Unproven(
            name, f'{len(candidates)} candidate(s), other annotations'
        )
    there = [c for c in same if c.path.is_file()]
    if not there:
        return Unproven(
            name, f'annotated like {same[0].path}, which does not exist'
        )
    size = (image['width'], image['height'])
    fitting = [c for c in there if loaded_size(c.path) == size]
    if not fitting:
        return Unproven(
            name, f'annotated like {there[0].path}, which has another size'
        )
    if len({c.path.read_bytes() for c in fitting}) > 1:
        listed = ', '.join(str(c.path) for c in fitting[:3])
        return Unproven(name, f'{len(fitting)} different images fit: {listed}')
    return Match(
        name,
        fitting[0].path,
        f'same annotations ({len(annotations)}), size {size[0]} x {size[1]}, '
        f'no other fits ({len(candidates)} looked at)',
    )


def is_same_object(ours: dict, theirs: dict) -> bool:
    """Whether two annotations are those of one object.

    Args:
        ours (dict): Annotation of MP-100.
        theirs (dict): Annotation of the source.

    Returns:
        bool: Whether there is proof.
    """
    mine, yours = _labelled(ours), _labelled(theirs)
    if mine is not None and yours is not None and _equal(mine[0], yours[0]):
        labelled = mine[0]
        if labelled.sum() >= _MIN_KEYPOINTS:
            return _close(mine[1][labelled], yours[1][labelled])
    outline = ours.get('segmentation')
    return bool(
        outline
        and outline == theirs.get('segmentation')
        and ours.get('bbox')
        and ours['bbox'] == theirs.get('bbox')
        and ours.get('num_keypoints') == theirs.get('num_keypoints')
    )


def _has_all(objects: Sequence[dict], annotations: Sequence[dict]) -> bool:
    return all(
        any(is_same_object(ann, other) for other in objects)
        for ann in annotations
    )


def _labelled(ann: dict) -> tuple[np.ndarray, np.ndarray] | None:
    """(K,) mask and (K, 2) points in pixels; None without keypoints."""
    flat = ann.get('keypoints')
    if not flat or len(flat) % 3:
        return None
    points = np.array(flat, dtype=np.float64).reshape(-1, 3)
    return points[:, 2] > 0, points[:, :2]


def _equal(one: np.ndarray, other: np.ndarray) -> bool:
    return bool(np.array_equal(one, other))


def _close(one: np.ndarray, other: np.ndarray) -> bool:
    return bool(np.abs(one - other).max() <= _TOLERANCE_PX)
