# Copyright (c) cape_mm contributors. All rights reserved.
"""Cephalometric measurements as formulas over named landmarks.

Points are in an image of square pixels, x to the right, y down, of a face
that looks to the right. Angles between two lines or planes are signed, so
that their customary values are positive and they pass through zero smoothly;
angles at a point, and those to the Frankfort plane and between incisors, are
in [0, 180] degrees. Geometric functions take vectors or points of shape
(..., 2) and are NaN where a vector has no length.
"""

from __future__ import annotations

from functools import partial
from typing import Callable, Mapping, NamedTuple

import numpy as np

Points = Mapping[str, np.ndarray]

#: Name under which formulas find the direction to the front, (2,).
HORIZONTAL = 'horizontal'
#: Degrees from S-N down to the horizontal where Po or Or is missing.
SN_TO_HORIZONTAL = 7.0
#: Landmark of a formula -> the one that takes its place where it is missing:
#: half-way between both jaws, contact points lie where cusps do.
STAND_INS = {'U6': 'U6m', 'L6': 'L6m'}


class Formula(NamedTuple):
    """Formula of one measurement."""

    definition: str  # in words
    unit: str  # 'deg', 'mm', or empty for a ratio
    codes: tuple[str, ...]  # of the needed landmarks, and HORIZONTAL
    compute: Callable[[Points], np.ndarray]  # (...), NaN if points coincide
    is_signed: bool  # whether the sign depends on the direction of the face


def cross(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Cross product (...), positive where the second is clockwise."""
    return first[..., 0] * second[..., 1] - first[..., 1] * second[..., 0]


def length(vector: np.ndarray) -> np.ndarray:
    """Lengths (...) of vectors (..., 2)."""
    return np.hypot(vector[..., 0], vector[..., 1])


def signed_angle(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Clockwise angle from the first to the second, in [-180, 180] degrees."""
    dot = (first * second).sum(axis=-1)
    # Not arccos, which is inexact near 0 and 180 degrees.
    angle = np.degrees(np.arctan2(cross(first, second), dot))
    is_defined = (length(first) > 0) & (length(second) > 0)
    return np.where(is_defined, angle, np.nan)


def unsigned_angle(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Angle between two vectors, degrees (...) in [0, 180]."""
    return np.abs(signed_angle(first, second))


def distance_in_front(
    point: np.ndarray, upper: np.ndarray, lower: np.ndarray
) -> np.ndarray:
    """Distance (...) of a point from a line, positive to the right of it."""
    line = lower - upper
    return _divide(cross(point - upper, line), length(line))


def distance_along(vector: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """Signed length (...) of a vector's projection onto a direction."""
    return _divide((vector * direction).sum(axis=-1), length(direction))


def turn(vector: np.ndarray, angle: float) -> np.ndarray:
    """Vector (..., 2) turned by degrees, positive clockwise."""
    sine, cosine = np.sin(np.radians(angle)), np.cos(np.radians(angle))
    return vector @ np.array([[cosine, sine], [-sine, cosine]])


def length_ratio(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Length of the first vector by that of the second, (...)."""
    return _divide(length(first), length(second))


def _divide(value: np.ndarray, by: np.ndarray) -> np.ndarray:
    """NaN where there is nothing to divide by."""
    return value / np.where(by > 0, by, np.nan)


def find_horizontal(points: Points) -> np.ndarray:
    """Direction (..., 2) to the front: Po-Or, else S-N turned by 7 degrees."""
    if 'Po' in points and 'Or' in points:
        return points['Or'] - points['Po']
    return turn(points['N'] - points['S'], SN_TO_HORIZONTAL)


def _split(*arrows: str) -> tuple[str, ...]:
    """Landmarks of ``'N>S'``, ``'N>A'``: N, S, A."""
    codes = [code for arrow in arrows for code in arrow.split('>')]
    return tuple(dict.fromkeys(codes))


def _vector(points: Points, arrow: str) -> np.ndarray:
    """Vector from N to S for ``'N>S'``."""
    start, end = arrow.split('>')
    return points[end] - points[start]


def _compare(
    function: Callable[[np.ndarray, np.ndarray], np.ndarray],
    unit: str,
    is_signed: bool,
    definition: str,
    first: str,
    second: str,
) -> Formula:
    """Function of two vectors, such as ``'N>S'`` and ``'N>A'``."""

    def compute(points: Points) -> np.ndarray:
        return function(_vector(points, first), _vector(points, second))

    codes = _split(first, second)
    return Formula(definition, unit, codes, compute, is_signed)


# An angle without sign, one that is positive if clockwise, and a ratio.
_angle = partial(_compare, unsigned_angle, 'deg', False)
_turned = partial(_compare, signed_angle, 'deg', True)
_ratio = partial(_compare, length_ratio, '', False)


def _in_front(definition: str, point: str, line: str) -> Formula:
    """Distance of a point in front of a line."""
    codes = (point, *_split(line))

    def compute(points: Points) -> np.ndarray:
        return distance_in_front(*(points[code] for code in codes))

    return Formula(definition, 'mm', codes, compute, True)


def _length(arrow: str) -> Formula:
    """Distance of two landmarks."""

    def compute(points: Points) -> np.ndarray:
        return length(_vector(points, arrow))

    first, second = _split(arrow)
    definition = f'distance {first} to {second}'
    return Formula(definition, 'mm', (first, second), compute, False)


def _sum(definition: str, constant: float, *terms: Formula) -> Formula:
    """Sum of angles."""

    def compute(points: Points) -> np.ndarray:
        return constant + sum(term.compute(points) for term in terms)

    codes = tuple(dict.fromkeys(c for term in terms for c in term.codes))
    is_signed = any(term.is_signed for term in terms)
    return Formula(definition, 'deg', codes, compute, is_signed)


def _minus(term: Formula) -> Formula:
    """The same with the other sign."""
    return term._replace(compute=lambda points: -term.compute(points))


_TIPS = ('U1', 'L1', HORIZONTAL)


def _along(points: Points, arrow: str, angle: float = 0.0) -> np.ndarray:
    """Signed length along the horizontal, turned by degrees clockwise."""
    direction = turn(points[HORIZONTAL], angle)
    return distance_along(_vector(points, arrow), direction)


def _incisors(definition: str, angle: float) -> Formula:
    """U1 from L1 along the horizontal, turned by degrees."""
    compute = partial(_along, arrow='L1>U1', angle=angle)
    return Formula(definition, 'mm', _TIPS, compute, True)


def _signed_gap(points: Points) -> np.ndarray:
    """Distance U1 to L1 with the sign of the overjet."""
    gap = length(_vector(points, 'L1>U1'))
    return np.copysign(gap, _along(points, 'L1>U1'))


def _vertical_share(points: Points) -> np.ndarray:
    """Height ANS to Me by height N to Me, across the horizontal."""
    whole = _along(points, 'N>Me', 90.0)
    height = _along(points, 'ANS>Me', 90.0)
    return height / np.where(whole != 0, whole, np.nan)


def _wits(points: Points) -> np.ndarray:
    """A in front of B, along the functional occlusal plane."""
    rear = (points['U6'] + points['L6']) / 2
    front = (points['U1'] + points['L1']) / 2
    return distance_along(_vector(points, 'B>A'), front - rear)


_SNA = _angle('angle at N between S and A', 'N>S', 'N>A')
_SNB = _angle('angle at N between S and B', 'N>S', 'N>B')
_FMA = _turned('Go-Me against Po-Or', 'Po>Or', 'Go>Me')
_IMPA = _angle('lower incisor against Me-Go', 'Me>Go', 'L1a>L1')
_FACIAL = _angle('N-Pog against Or-Po', 'Or>Po', 'N>Pog')
# Positive if the palate tips down in front.
_PALATE = _turned('ANS-PNS against Or-Po', 'Or>Po', 'ANS>PNS')

#: Name -> formula. MW, ODI, APDI, SN-GoGn (which the ISBI challenge calls
#: FMA) and FHI are those of the ISBI challenge.
FORMULAS: dict[str, Formula] = {
    'SNA': _SNA,
    'SNB': _SNB,
    'ANB': _sum('SNA minus SNB', 0.0, _SNA, _minus(_SNB)),
    'SND': _angle('angle at N between S and D', 'N>S', 'N>D'),
    'FMA': _FMA,
    'SN-MP': _turned('Go-Me against S-N', 'S>N', 'Go>Me'),
    'SN-GoGn': _turned('Go-Gn against S-N', 'S>N', 'Go>Gn'),
    'PP-MP': _turned('Go-Me against PNS-ANS', 'PNS>ANS', 'Go>Me'),
    'SN-PP': _turned('PNS-ANS against S-N', 'S>N', 'PNS>ANS'),
    'facial_angle': _FACIAL,
    'convexity': _turned(
        'bend of the line N-A-Pog, positive if A is in front', 'N>A', 'A>Pog'
    ),
    'Y-axis': _angle('S-Gn against Po-Or', 'Po>Or', 'S>Gn'),
    'U1-SN': _angle('upper incisor against S-N', 'S>N', 'U1>U1a'),
    'U1-PP': _angle('upper incisor against PNS-ANS', 'PNS>ANS', 'U1>U1a'),
    'IMPA': _IMPA,
    'FMIA': _sum('180 minus FMA and IMPA', 180.0, _minus(_FMA), _minus(_IMPA)),
    'interincisal': _angle('between the incisors', 'U1>U1a', 'L1>L1a'),
    'U1-NA': _turned('upper incisor against N-A', 'U1>U1a', 'A>N'),
    'L1-NB': _turned('lower incisor against N-B', 'N>B', 'L1>L1a'),
    'nasolabial': _angle('angle at Sn between Prn and UL', 'Sn>Prn', 'Sn>UL'),
    'gonial': _angle('angle at Go between Ar and Me', 'Go>Ar', 'Go>Me'),
    'N-S-Ar': _angle('angle at S between N and Ar', 'S>N', 'S>Ar'),
    'ODI': _sum(
        'overbite depth: A-B against Me-Go, plus palate against Po-Or',
        0.0,
        _angle('', 'B>A', 'Me>Go'),
        _PALATE,
    ),
    'APDI': _sum(
        'anteroposterior dysplasia: facial angle, plus A-B against N-Pog, '
        'plus palate against Po-Or',
        0.0,
        _FACIAL,
        _minus(_turned('', 'N>Pog', 'A>B')),
        _PALATE,
    ),
    'FHI': _ratio('distance S to Go by distance N to Me', 'Go>S', 'Me>N'),
    'LAFH': _ratio('distance ANS to Me by distance N to Me', 'Me>ANS', 'Me>N'),
    'LAFH_vertical': Formula(
        'height ANS to Me by height N to Me, across the horizontal',
        '',
        ('ANS', 'Me', 'N', HORIZONTAL),
        _vertical_share,
        True,
    ),
    'S-N': _length('S>N'),
    'N-Me': _length('N>Me'),
    'S-Go': _length('S>Go'),
    'ANS-Me': _length('ANS>Me'),
    'U1-NA_mm': _in_front('U1 in front of N-A', 'U1', 'N>A'),
    'L1-NB_mm': _in_front('L1 in front of N-B', 'L1', 'N>B'),
    'overjet': _incisors('U1 in front of L1, along the horizontal', 0.0),
    'overbite': _incisors('U1 below L1, across the horizontal', 90.0),
    'MW': Formula(
        'distance U1 to L1, negative if U1 is behind L1',
        'mm',
        _TIPS,
        _signed_gap,
        True,
    ),
    'Wits': Formula(
        'A in front of B, along the line from between the first molars to '
        'between the incisors',
        'mm',
        ('A', 'B', 'U1', 'L1', 'U6', 'L6'),
        _wits,
        False,
    ),
    'UL-E': _in_front("UL in front of Prn-Pog'", 'UL', "Prn>Pog'"),
    'LL-E': _in_front("LL in front of Prn-Pog'", 'LL', "Prn>Pog'"),
}
