# Copyright (c) cape_mm contributors. All rights reserved.
"""Random faces whose angles are known because they are built from them.

Frame of a face: millimetres, origin at S, x to the front, y down, Frankfort
plane horizontal. Directions are degrees, counter-clockwise: 0 front, 90 up.
"""

from __future__ import annotations

from itertools import combinations
from typing import Dict, NamedTuple

import numpy as np

from cape_mm.evaluation.functional.cephalometric_measurements import measure
from cape_mm.evaluation.functional.cephalometric_norms import isbi_types
from cape_mm.structures import get_schema

Points = Dict[str, np.ndarray]
SCHEMA = get_schema('cephalogram23')

#: Value -> its mean and standard deviation; degrees and millimetres. After
#: the customary norms; ANB is random, and SNB follows, because independent SNA
#: and SNB would spread ANB too far.
MEASURES = {
    'SNA': (81.5, 3.5), 'ANB': (4.0, 2.8), 'FMA': (25.0, 4.5),
    'IMPA': (93.0, 5.0), 'U1-PP': (112.0, 5.5), 'N-S-Ar': (123.0, 5.0),
    'SN-FH': (8.5, 2.0), 'PP-FH': (1.0, 3.0), 'overjet': (2.6, 1.5),
    'overbite': (2.0, 1.5),
}  # fmt: skip
_LENGTHS = {
    'S-N': (70.0, 3.0), 'N-A': (57.0, 3.0), 'N-B': (98.0, 5.0),
    'N-Pog': (112.0, 6.0), 'Me-Go': (70.0, 4.0), 'PNS-ANS': (52.0, 3.0),
    'S-Ar': (35.0, 2.5), 'U1-U1a': (23.0, 1.5), 'L1-L1a': (21.0, 1.2),
    'S-FH': (20.0, 2.5), 'Po_x': (-24.0, 2.5),
}  # fmt: skip
# Landmark -> landmark it is placed from, mean offset, standard deviation.
_OFFSETS = {
    'Me': ('Pog', (-8.0, 9.5), (1.0, 1.0)),
    'ANS': ('A', (3.0, -5.0), (0.7, 0.7)),
    'U1': ('A', (4.0, 24.0), (1.5, 2.0)),
    "N'": ('N', (6.5, 2.0), (0.5, 1.0)),
    'Sn': ('ANS', (10.0, 5.0), (0.8, 0.8)),
    'Prn': ('Sn', (16.0, -11.0), (1.3, 0.9)),
    "Pog'": ('Pog', (12.0, 1.0), (1.0, 1.0)),
}
# Lip -> fraction of the way from Prn to Pog', millimetres behind that line.
_LIPS = {'UL': (0.374, 4.0), 'LL': (0.62, 2.0)}


class Face(NamedTuple):
    """A face that is built from its measures."""

    points: Points  # landmarks (2,) by code, frame of the face
    measures: dict[str, float]  # MEASURES and SNB, degrees and millimetres


def draw_face(rng: np.random.Generator) -> Face:
    """Possible face with the 23 landmarks of ``cephalogram23``."""
    while True:
        face = _build_face(rng)
        if find_fault(face.points) is None:
            return face


def find_fault(points: Points) -> str | None:
    """First reason why landmarks cannot be a head's, None if they can."""
    x = {code: point[0] for code, point in points.items()}
    y = {code: point[1] for code, point in points.items()}
    ways = [one - other for one, other in combinations(points.values(), 2)]
    rules = {
        'B not above Pog': y['B'] + 3 < y['Pog'],
        'Me not lowest': all(y['Me'] > y[c] + 1 for c in y if c != 'Me'),
        'ANS, A, U1 not one below the other':
            y['ANS'] + 1 < y['A'] < y['U1'] - 1,
        'PNS not behind ANS': x['PNS'] + 30 < x['ANS'],
        'lips not one below the other':
            y['Sn'] + 5 < y['UL'] < y['LL'] - 8 < y["Pog'"] - 16,
        'Go not behind the teeth': x['Go'] + 40 < x['L1a'],
        'root in front of the bone':
            x['U1a'] < x['A'] and x['L1a'] < x['B'] + 1.0,
        'two landmarks in one place': np.linalg.norm(ways, axis=1).min() >= 1,
    }  # fmt: skip
    return next((fault for fault, fine in rules.items() if not fine), None)


def direct(angle: float) -> np.ndarray:
    """Unit vector (2,) of a direction in degrees."""
    radians = np.radians(angle)
    return np.array([np.cos(radians), -np.sin(radians)])


def classify(face: Face) -> dict[str, int]:
    """Classes in the eight measures of the ISBI challenge, in its order.

    Its FMA is the angle between S-N and Go-Gn; 0 for an MW in (0, 2).
    """
    points = np.array([face.points[code] for code in SCHEMA.codes])
    found = measure(points, np.ones(len(points)), SCHEMA, (1.0, 1.0))
    types = isbi_types({name: each.value for name, each in found.items()})
    return {
        'FMA' if name == 'SN-GoGn' else name: kind
        for name, kind in types.items()
    }


def normal(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Unit vector (2,) to the left of the way from one point to another."""
    x, y = (end - start) / np.linalg.norm(end - start)
    return np.array([y, -x])


def leave(
    start: np.ndarray, end: np.ndarray, fraction: float, distance: float
) -> np.ndarray:
    """Point at a fraction of the way, and then some way to its left."""
    return start + fraction * (end - start) + distance * normal(start, end)


def _build_face(rng: np.random.Generator) -> Face:
    """Build a face from random values, good or bad."""
    m = {key: _draw(rng, *norm) for key, norm in MEASURES.items()}
    d = {key: _draw(rng, *norm) for key, norm in _LENGTHS.items()}
    m['SNB'] = m['SNA'] - m['ANB']
    # A receding lower jaw goes with a steep one, and the incisors lean towards
    # each other as far as they can.
    m['FMA'] -= 0.4 * (m['SNB'] - MEASURES['SNA'][0] + MEASURES['ANB'][0])
    gap = m['ANB'] - MEASURES['ANB'][0]
    m['overjet'] += 0.5 * gap
    m['IMPA'] += 1.2 * gap
    m['U1-PP'] -= 0.8 * gap
    sn_pog = m['SNB'] + _draw(rng, 1.0, 0.8)
    # Relative thickness of the soft tissue.
    soft = _draw(rng, 1.0, 0.08)

    p: Points = {'S': np.zeros(2)}
    p['N'] = d['S-N'] * direct(m['SN-FH'])
    for code, angle in (('A', m['SNA']), ('B', m['SNB']), ('Pog', sn_pog)):
        direction = direct(180 + m['SN-FH'] + angle)
        p[code] = p['N'] + d[f'N-{code}'] * direction
    p['Po'] = np.array([d['Po_x'], d['S-FH']])
    p['Or'] = np.array([p['N'][0] + _draw(rng, -13.0, 2.0), d['S-FH']])
    p['Ar'] = d['S-Ar'] * direct(m['SN-FH'] - m['N-S-Ar'])
    for code, (base, offset, spread) in _OFFSETS.items():
        factor = soft if code in ("N'", 'Sn', 'Prn', "Pog'") else 1.0
        step = [_draw(rng, *norm) for norm in zip(offset, spread)]
        if code == 'U1':
            step[0] -= 0.35 * gap
        p[code] = p[base] + factor * np.array(step)
    p['PNS'] = p['ANS'] + d['PNS-ANS'] * direct(180 + m['PP-FH'])
    p['Go'] = p['Me'] + d['Me-Go'] * direct(180 - m['FMA'])
    depth = 2.2 + 0.3 * _draw(rng, 0.0, 1.0)
    p['Gn'] = (p['Pog'] + p['Me']) / 2 + depth * normal(p['Pog'], p['Me'])
    p['U1a'] = p['U1'] + d['U1-U1a'] * direct(m['U1-PP'] + m['PP-FH'])
    p['L1'] = p['U1'] - np.array([m['overjet'], m['overbite']])
    p['L1a'] = p['L1'] + d['L1-L1a'] * direct(-m['FMA'] - m['IMPA'])
    for code, (fraction, behind) in _LIPS.items():
        front = -_draw(rng, behind, 1.8)
        p[code] = leave(p['Prn'], p["Pog'"], fraction, front)

    size = rng.uniform(0.93, 1.05)
    m['overjet'], m['overbite'] = size * m['overjet'], size * m['overbite']
    return Face({code: size * point for code, point in p.items()}, m)


def _draw(rng: np.random.Generator, mean: float, spread: float) -> float:
    """A normal value without the far tails."""
    return mean + spread * float(np.clip(rng.normal(), -2.2, 2.2))
