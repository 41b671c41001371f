# Copyright (c) cape_mm contributors. All rights reserved.
"""The eight anatomical types of the ISBI challenge, for drawn faces.

Closed forms for a face whose Frankfort plane is horizontal. Definitions and
limits: Wang et al., Medical Image Analysis 31 (2016) 63-76.
"""

from __future__ import annotations

import numpy as np

from .cephalogram_face import Face

# Measure -> lower and upper limit of class 1, class above, class below.
_BANDS: dict[str, tuple[float, float, int, int]] = {
    'ANB': (3.2, 5.7, 2, 3),
    'SNB': (74.6, 78.7, 3, 2),
    'SNA': (79.4, 83.2, 2, 3),
    'ODI': (68.4, 80.5, 2, 3),
    'APDI': (77.6, 85.2, 3, 2),
    'FHI': (0.65, 0.75, 2, 3),
    'FMA': (26.8, 31.4, 2, 3),
}


def measure_types(face: Face) -> dict[str, float]:
    """Measure what the types are told by.

    Args:
        face (Face): In its own frame.

    Returns:
        Dict[str, float]: ANB, SNB, SNA, ODI, APDI and FMA in degrees, FHI
        without unit, MW in millimetres. What the challenge calls FMA is the
        angle between S-N and Go-Gn, not that of :attr:`Face.measures`.
    """
    p, m = face.points, face.measures
    palate = -m['PP-FH']
    profile = _slope(p['B'] - p['A'])
    overjet = float(np.hypot(m['overjet'], m['overbite']))
    return {
        'ANB': m['ANB'],
        'SNB': m['SNB'],
        'SNA': m['SNA'],
        # From the lower jaw's plane to AB, and to the palate.
        'ODI': 180.0 - profile - m['FMA'] + palate,
        'APDI': profile + palate,
        'FHI': _length(p['S'] - p['Go']) / _length(p['N'] - p['Me']),
        'FMA': m['SN-FH'] - _slope(p['Go'] - p['Gn']),
        'MW': float(np.copysign(overjet, m['overjet'])),
    }


def classify_types(face: Face) -> dict[str, int]:
    """Tell the eight types.

    Args:
        face (Face): In its own frame.

    Returns:
        Dict[str, int]: Class of each measure in the order of the challenge;
        0 where its definition leaves a gap, that is for MW in (0, 2).
    """
    values = measure_types(face)
    types = {}
    for key, (low, high, above, below) in _BANDS.items():
        if values[key] > high:
            types[key] = above
        else:
            types[key] = below if values[key] < low else 1
    width = values['MW']
    if width < 0:
        types['MW'] = 3
    elif width > 4.5:
        types['MW'] = 4
    else:
        types['MW'] = 1 if width >= 2 else 0
    return types


def _slope(vector: np.ndarray) -> float:
    """Angle of a vector against the backward direction, degrees."""
    return float(np.degrees(np.arctan2(vector[1], -vector[0])))


def _length(vector: np.ndarray) -> float:
    return float(np.linalg.norm(vector))
