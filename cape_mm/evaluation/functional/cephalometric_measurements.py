# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Iterable, Mapping, Sequence

import numpy as np

from .cephalometric_formulas import (
    FORMULAS,
    HORIZONTAL,
    SN_TO_HORIZONTAL,
    STAND_INS,
    cross,
    find_horizontal,
)

if TYPE_CHECKING:
    from cape_mm.structures import LandmarkSchema

#: Radius in sigma that has 95 % of a normal distribution of two dimensions,
#: and half width that has 95 % of one of one dimension.
_RADIUS_SIGMAS, _NORMAL_95 = math.sqrt(-2 * math.log(0.05)), 1.96

# Any landmarks of the first, the second and the third list are in clockwise
# order in a face that looks to the right.
_BACK = ('S', 'Po', 'PNS', 'Ar', 'Go')
_FRONT = ('N', 'ANS', 'A', 'Prn', 'Or', "N'")
_BELOW = ('Me', 'Gn', 'Pog', 'B', "Pog'", 'L1', 'U1', 'LL', 'UL')


@dataclass(frozen=True)
class Measurement:
    """One measured value, or the reason that there is none.

    Attributes:
        value (float, optional): Value in ``unit``; None if not available.
        unit (str): ``'deg'``, ``'mm'``, or empty for a ratio.
        missing (tuple[str, ...]): Codes of the needed landmarks that the
            schema lacks or that are not labelled, and ``'spacing'``.
        note (str): Remark, such as a landmark in place of another.
        margin (float, optional): Half width of the 95 % interval around the
            value, in ``unit``; None where the radii of its landmarks are not
            known.
    """

    value: float | None
    unit: str
    missing: tuple[str, ...] = ()
    note: str = ''
    margin: float | None = None

    def __str__(self) -> str:
        """Value with its unit, or the reason that there is none."""
        if self.value is None:
            reason = self.note
            if self.missing:
                reason = f'missing {", ".join(self.missing)}'
            return f'not available: {reason}'
        digits = 1 if self.unit else 3
        text = f'{self.value:.{digits}f}'
        if self.margin is not None:
            text += f' ± {self.margin:.{digits}f}'
        return f'{text} {self.unit}'.rstrip()


def measure(
    keypoints_px: np.ndarray,
    visible: np.ndarray,
    schema: LandmarkSchema,
    spacing: Sequence[float] | None = None,
    radii: np.ndarray | None = None,
) -> dict[str, Measurement]:
    """Compute all measurements of a cephalogram.

    Neither the direction of the face, nor a rotation of the image, nor the
    order of the landmarks matters. Angles and ratios need no spacing, but
    without it pixels must be square.

    With radii, each measurement gets a 95 % interval by propagation to first
    order: errors of the landmarks are taken as independent and normal, alike
    in all directions, so that a 95 % radius is 2.45 sigma. Each coordinate of
    a landmark is moved by sigma both ways; half of the change of the
    measurement is the coordinate's part, and the margin is 1.96 times the root
    of the sum of the squares of all parts.

    Args:
        keypoints_px (np.ndarray): Landmarks (K, 2), original pixels; missing
            where not finite.
        visible (np.ndarray): Visibility (K,), more than 0 for landmarks that
            count.
        schema (LandmarkSchema): Schema of the landmarks.
        spacing (Sequence[float], optional): Millimetres per pixel along x
            and y. Defaults to None, unknown: no millimetres are given.
        radii (np.ndarray, optional): 95 % radii (K,) of the landmarks, in
            millimetres, without spacing in pixels. Defaults to None: no
            intervals.

    Returns:
        dict[str, Measurement]: Result by name, for all of :data:`FORMULAS`.

    Raises:
        ValueError: If a shape does not fit the schema, or the spacing is not
            positive.
    """
    points = name_points(keypoints_px, visible, schema, spacing)
    facing = find_facing(points)
    if radii is not None:
        points = _move_each(points, dict(zip(schema.codes, radii)))
    if facing == -1:
        points = {c: p * np.array([-1.0, 1.0]) for c, p in points.items()}
    stand_ins = _stand_ins(points)
    points.update((code, points[other]) for code, other in stand_ins.items())
    missing = missing_landmarks(points)
    has_plane = {'Po', 'Or'} <= points.keys()
    if has_plane or {'S', 'N'} <= points.keys():
        points[HORIZONTAL] = find_horizontal(points)
    results = {}
    for name, formula in FORMULAS.items():
        lacks = missing[name]
        if formula.unit == 'mm' and spacing is None:
            lacks += ('spacing',)
        if lacks:
            results[name] = Measurement(None, formula.unit, lacks)
            continue
        notes = [
            f'{stand_ins[code]} in place of {code}'
            for code in formula.codes
            if code in stand_ins
        ]
        if HORIZONTAL in formula.codes and not has_plane:
            notes.append(
                f'the horizontal is S-N turned by {SN_TO_HORIZONTAL:g} degrees'
            )
        value, margin, note = None, None, ', '.join(notes)
        if formula.is_signed and facing is None:
            note = 'too few landmarks to find the direction of the face'
        else:
            values = formula.compute(points)
            value, margin = float(values.flat[0]), _margin(values)
            if math.isnan(value):
                value = margin = None
                note = 'undefined, because landmarks coincide'
        results[name] = Measurement(
            value, formula.unit, note=note, margin=margin
        )
    return results


def _move_each(
    points: Mapping[str, np.ndarray], radii: Mapping[str, float]
) -> dict[str, np.ndarray]:
    """Points (1 + 4K, 2): as they are, and each moved by sigma along axes."""
    steps = np.array([[1, 0], [-1, 0], [0, 1], [0, -1]])
    moved = {}
    for index, (code, point) in enumerate(points.items()):
        moved[code] = np.tile(point, (1 + 4 * len(points), 1))
        own = slice(1 + 4 * index, 5 + 4 * index)
        moved[code][own] += radii[code] / _RADIUS_SIGMAS * steps
    return moved


def _margin(values: np.ndarray) -> float | None:
    """Half width of the 95 % interval, from the values of moved points."""
    if values.ndim == 0:
        return None
    parts = (values[1::2] - values[2::2]) / 2
    margin = _NORMAL_95 * float(np.sqrt((parts**2).sum()))
    return margin if math.isfinite(margin) else None


def name_points(
    keypoints_px: np.ndarray,
    visible: np.ndarray,
    schema: LandmarkSchema,
    spacing: Sequence[float] | None = None,
) -> dict[str, np.ndarray]:
    """Usable points (2,) by code, millimetres, or pixels without spacing."""
    keypoints = np.asarray(keypoints_px, dtype=np.float64)
    visible = np.asarray(visible)
    count = len(schema)
    if keypoints.shape != (count, 2) or visible.shape != (count,):
        raise ValueError(
            f'schema {schema.name!r} needs keypoints_px ({count}, 2) and '
            f'visible ({count},), got {keypoints.shape} and {visible.shape}'
        )
    if spacing is not None:
        scale = np.asarray(spacing, dtype=np.float64)
        is_usable = np.isfinite(scale).all() and (scale > 0).all()
        if scale.shape != (2,) or not is_usable:
            raise ValueError(
                'spacing must be two positive numbers, millimetres per pixel '
                f'along x and y, or None; got {spacing}'
            )
        keypoints = keypoints * scale
    usable = (visible > 0) & np.isfinite(keypoints).all(axis=1)
    return {
        code: point
        for code, point, is_usable in zip(schema.codes, keypoints, usable)
        if is_usable
    }


def find_facing(points: Mapping[str, np.ndarray]) -> int | None:
    """Direction of a face: 1 right, -1 left (upright), None if unknown.

    By the orientation of its points (2,), y down; unlike a comparison of x
    coordinates this holds for a rotated image, too.
    """
    corners = []
    for codes in (_BACK, _FRONT, _BELOW):
        found = [points[code] for code in codes if code in points]
        if not found:
            return None
        corners.append(found[0])
    back, front, below = corners
    return int(np.sign(cross(front - back, below - back))) or None


def missing_landmarks(codes: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """List the landmarks that each measurement lacks.

    Args:
        codes (Iterable[str]): Codes of the available landmarks.

    Returns:
        dict[str, tuple[str, ...]]: Missing codes by measurement; empty if it
        can be computed.
    """
    there = set(codes)
    there |= _stand_ins(there).keys()
    has_horizontal = {'Po', 'Or'} <= there or {'S', 'N'} <= there
    result = {}
    for name, formula in FORMULAS.items():
        needed = [code for code in formula.codes if code != HORIZONTAL]
        if HORIZONTAL in formula.codes and not has_horizontal:
            needed += ['Po', 'Or']
        result[name] = tuple(c for c in needed if c not in there)
    return result


def _stand_ins(codes: Iterable[str]) -> dict[str, str]:
    """Missing landmark -> the one of these that takes its place."""
    there = set(codes)
    return {
        code: other
        for code, other in STAND_INS.items()
        if code not in there and other in there
    }
