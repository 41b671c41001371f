# Copyright (c) cape_mm contributors. All rights reserved.
"""ISBI classes of synthetic faces in closed form, from what they are built of.

Definitions and limits: Wang et al., Medical Image Analysis 31 (2016) 63-76.
"""

from __future__ import annotations

import numpy as np

# Measure -> lower and upper limit of class 1, class above, class below.
_BANDS = {
    'ANB': (3.2, 5.7, 2, 3),
    'SNB': (74.6, 78.7, 3, 2),
    'SNA': (79.4, 83.2, 2, 3),
    'ODI': (68.4, 80.5, 2, 3),
    'APDI': (77.6, 85.2, 3, 2),
    'FHI': (0.65, 0.75, 2, 3),
    'FMA': (26.8, 31.4, 2, 3),
}


def measure_classes(face):
    """Measures that the ISBI classes go by; degrees, MW in mm, FHI a ratio.

    The FMA of the challenge is the angle between S-N and Go-Gn, not that of
    ``Face.measures``.
    """
    p, m = face.points, face.measures
    palate = -m['PP-FH']
    profile = _slope(p['B'] - p['A'])
    overjet = float(np.hypot(m['overjet'], m['overbite']))
    rear, front = (
        np.linalg.norm(p['S'] - p['Go']),
        np.linalg.norm(p['N'] - p['Me']),
    )
    return {
        'ANB': m['ANB'],
        'SNB': m['SNB'],
        'SNA': m['SNA'],
        # From the plane of the lower jaw to AB, and to the palate.
        'ODI': 180.0 - profile - m['FMA'] + palate,
        'APDI': profile + palate,
        'FHI': float(rear / front),
        'FMA': m['SN-FH'] - _slope(p['Go'] - p['Gn']),
        'MW': float(np.copysign(overjet, m['overjet'])),
    }


def classify(face):
    """Classes in the eight measures, in the order of the ISBI challenge.

    0 for MW in (0, 2), where its definition leaves a gap.
    """
    values = measure_classes(face)
    classes = {}
    for key, (low, high, above, below) in _BANDS.items():
        value = values[key]
        classes[key] = above if value > high else below if value < low else 1
    width = values['MW']
    crossbite = 3 if width < 0 else 0
    classes['MW'] = 4 if width > 4.5 else 1 if width >= 2 else crossbite
    return classes


def _slope(vector):
    """Angle of a vector against the backward direction, degrees."""
    return float(np.degrees(np.arctan2(vector[1], -vector[0])))
