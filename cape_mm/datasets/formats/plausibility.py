# Copyright (c) cape_mm contributors. All rights reserved.
"""Whether coordinates can be right: checks over arrays, for all readers.

Each value may be a number and the whole be wrong all the same: coordinates as
shares of the image, boxes of another form, a skeleton that counts from 1.
Nothing is changed here: what looks wrong is counted with its first record, and
is an error where it is the majority of a file.
"""

from __future__ import annotations

from typing import Collection, Iterator, NamedTuple, Sequence

import numpy as np

from cape_mm.errors import DataError

from .annotation_report import IMPLAUSIBLE, AnnotationReport
from .json_values import as_keypoints

_REMEDIES = dict(
    at_corner='write v = 0 where a keypoint is not annotated',
    normalised='multiply x by the width and y by the height of the image',
    corner_box='write boxes as x, y, width, height',
    outside='correct the coordinates, or the sizes of the images',
    outside_box='correct the boxes or the coordinates',
)
#: Least number that is an error: few labels may well be beside a rough box.
_LEAST = dict.fromkeys(IMPLAUSIBLE, 1)
_LEAST.update(outside_box=4)
#: Sides in pixels up to which an instance may well lie within one pixel.
_TINY = 16
#: Keypoints are far outside of a box from this share of its longer side on.
_BOX_MARGIN = 0.25
#: Pixels that boxes and keypoints may differ from what fits.
_SLACK = 2.0
#: Length of the edges of a skeleton with ends one lower, as a share of that
#: as given, below which it counts from 1. Of 101 categories with a skeleton,
#: the highest share of those made to count from 1 is 0.93, the lowest of
#: those that count from 0 is 1.01. Fewer edges prove nothing.
_SHORTER, _LEAST_EDGES = 0.97, 4


class PlacedInstance(NamedTuple):
    """Labels of one instance on its image.

    Attributes:
        where (str): Place in the file, for messages.
        keypoints (np.ndarray): Keypoints (K, 3): x, y in original pixels,
            any numbers where v = 0, and v.
        size (tuple[float, float], optional): Width and height of the image.
        box (np.ndarray, optional): Box (4,) xyxy in original pixels, not cut
            at the border of the image.
        names (Sequence[str]): K names, for messages; numbers if empty.
    """

    where: str
    keypoints: np.ndarray
    size: tuple[float, float] | None = None
    box: np.ndarray | None = None
    names: Sequence[str] = ()


def is_outside(
    points: np.ndarray, sizes: np.ndarray, tolerance: float = 0.5
) -> np.ndarray:
    """Which points (..., 2) lie outside of images, as (...) bool.

    Args:
        points (np.ndarray): Points (..., 2), original pixels; NaN is outside.
        sizes (np.ndarray): Widths and heights (..., 2); NaN where unknown.
        tolerance (float): Pixels beyond the centres of the outermost ones.
            Defaults to 0.5, the border of the image.

    Returns:
        np.ndarray: Mask (...), bool.
    """
    is_inside = (points >= -tolerance).all(-1)
    is_beyond = points > np.asarray(sizes) - 1 + tolerance
    return ~is_inside | is_beyond.any(-1)


def check_plausibility(
    instances: Sequence[PlacedInstance],
    report: AnnotationReport,
    source: object = None,
    tolerance: float = 1.0,
    counted: Collection[str] = (),
) -> None:
    """Count implausible coordinates; refuse a file that is full of them.

    Args:
        instances (Sequence[PlacedInstance]): All instances of a file.
        report (AnnotationReport): Counter with the kinds of
            :data:`~.annotation_report.IMPLAUSIBLE`.
        source (object): The file, for messages. Defaults to that of the
            report.
        tolerance (float): See :func:`is_outside`. Defaults to 1.
        counted (Collection[str]): Kinds that the caller counts itself.
            Defaults to none.

    Raises:
        DataError: If most of what a check is about fails it; a few keypoints
            beside their box do not.
    """
    for kind, bad, total in _find_implausible(instances, tolerance):
        is_of_keypoints = bad.ndim == 2
        counts = bad.sum(1) if is_of_keypoints else bad.astype(int)
        number = int(counts.sum())
        is_most = 2 * number > total and number >= _LEAST[kind]
        if kind in counted and not is_most:
            continue
        for row in np.flatnonzero(counts).tolist():
            one = instances[row]
            index = int(bad[row].argmax()) if is_of_keypoints else None
            text = _describe(one, index, 'box' in kind)
            if is_most:
                meaning = IMPLAUSIBLE[kind].rpartition(' (')[0]
                raise DataError(
                    f'{source or report.ann_file}: {number} of {total} '
                    f'{meaning}, e.g. {text}; {_REMEDIES[kind]}'
                )
            report.add(kind, text, int(counts[row]))


def _find_implausible(
    instances: Sequence[PlacedInstance], tolerance: float
) -> Iterator[tuple[str, np.ndarray, int]]:
    """Kinds with masks of keypoints (N, K) or instances (N,), and totals."""
    longest = max((len(one.keypoints) for one in instances), default=0)
    points = np.zeros((len(instances), longest, 3))
    boxes = np.full((len(instances), 4), np.nan)
    sizes = np.full((len(instances), 2), np.nan)
    for row, one in enumerate(instances):
        points[row, : len(one.keypoints)] = one.keypoints
        if one.box is not None:
            boxes[row] = one.box
        if one.size is not None:
            sizes[row] = one.size
    xy, labelled = points[..., :2], points[..., 2] > 0  # (N, K, 2), (N, K)
    number = labelled.sum(1)

    def holds_for_all(condition: np.ndarray) -> np.ndarray:
        """(N,) whether it holds for all labelled keypoints (N, K)."""
        return (condition | ~labelled).all(1)

    def are_inside(low: np.ndarray, high: np.ndarray) -> np.ndarray:
        """(N,) whether labelled keypoints lie between (N, 2) and (N, 2)."""
        slack = (xy >= low[:, None] - _SLACK) & (xy <= high[:, None] + _SLACK)
        return holds_for_all(slack.all(-1))

    at_corner = labelled & (xy == 0).all(-1)
    at_corner &= at_corner.sum(1, keepdims=True) > 1
    yield 'at_corner', at_corner, number.sum()

    has_extent = (number > 1) & ~holds_for_all(at_corner)
    is_small = holds_for_all((np.abs(xy) <= 1).all(-1))
    is_small &= has_extent & ~(sizes.max(1) <= _TINY)
    yield 'normalised', is_small, has_extent.sum()

    # what a file calls width and height
    low, high = boxes[:, :2], boxes[:, 2:]
    extent = high - low
    fits = (extent > low).all(1) & ~is_outside(extent, sizes, _SLACK)
    fits &= are_inside(low, extent) & (number > 0)
    fits &= (high > sizes + _SLACK).any(1)
    has_box = np.isfinite(boxes).all(1) & (number > 0)
    yield 'corner_box', fits, has_box.sum()

    is_out = labelled & np.isfinite(xy).all(-1)  # the rest is no number
    is_out &= is_outside(xy, sizes[:, None], tolerance)
    yield 'outside', is_out, number.sum()

    margin = _BOX_MARGIN * extent.max(1)[:, None, None]
    is_far = (xy < low[:, None] - margin) | (xy > high[:, None] + margin)
    is_far = labelled & is_far.any(-1) & ~is_out
    yield 'outside_box', is_far, number[has_box].sum()


def _describe(one: PlacedInstance, index: int | None, with_box: bool) -> str:
    """An instance, and the place of one of its keypoints."""
    if index is None:
        index = int((one.keypoints[:, 2] > 0).argmax())
    name = one.names[index] if len(one.names) else f'keypoint {index}'
    x, y = one.keypoints[index, :2]
    text = f'{one.where}: {name} at ({x:g}, {y:g})'
    if with_box:
        corners = ', '.join(f'{value:g}' for value in one.box)
        text += f', the box is from x1, y1 to x2, y2 = {corners}'
    if one.size is not None:
        text += f', the image has {one.size[0]:g} x {one.size[1]:g} pixels'
    return text


def counts_from_one(
    skeleton: Sequence[tuple[int, int]], given: Sequence[list]
) -> bool:
    """Whether 0-based pairs, none with 0, seem to count from 1.

    Neighbours are joined: the edges of the right keypoints are the shorter
    ones.

    Args:
        skeleton (Sequence[tuple[int, int]]): Pairs of keypoint indices.
        given (Sequence[list]): Values x, y, v of the K keypoints of each
            instance of the category, as in the file.

    Returns:
        bool: True if it seems so. It may be wrong, such as of a chain whose
        steps grow.
    """
    edges = np.array(skeleton, dtype=int).reshape(-1, 2)
    as_given = one_lower = 0.0
    is_doubtful = len(edges) >= _LEAST_EDGES and edges.min() > 0
    for values in given if is_doubtful else ():
        try:
            one = as_keypoints(values, '', len(values) // 3)
        except DataError:
            continue
        if len(one) <= edges.max():
            continue
        pairs = one[np.stack([edges, edges - 1])]  # (2, E, 2, 3)
        is_known = (pairs[..., 2] > 0).all((0, 2))
        steps = pairs[..., 0, :2] - pairs[..., 1, :2]
        lengths = np.linalg.norm(steps, axis=-1)[:, is_known].sum(1)
        as_given, one_lower = np.add((as_given, one_lower), lengths)
    return bool(one_lower < _SHORTER * as_given)
