# Copyright (c) cape_mm contributors. All rights reserved.
"""Skin, neck and airway."""

from __future__ import annotations

import numpy as np

from .cephalogram_curves import Piece, blend, ellipse, leave, smooth
from .cephalogram_face import Points

_CENTER = np.array([-20.0, -25.0])
# The neck goes on beyond the cephalogram.
_BOTTOM = 190.0


def draw_skin(
    points: Points, vault: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Draw the outline of head and neck.

    Args:
        points (Dict[str, np.ndarray]): Landmarks in the frame of the face.
        vault (np.ndarray): (M, 2) outer surface of the vault.
        rng (np.random.Generator): Stream of the cephalogram.

    Returns:
        np.ndarray: (M, 2) closed outline.
    """
    p = points
    thickness = rng.uniform(5.0, 7.0)
    away = vault[12:-6:6] - _CENTER
    away = away / np.linalg.norm(away, axis=1, keepdims=True)
    # From behind over the top to the forehead.
    scalp = (vault[12:-6:6] + thickness * away)[::-1]
    nape = scalp[0] + (12.0, 45.0)
    head = smooth(
        [
            nape + (-6.0, 130.0),
            nape + (2.0, 20.0),
            nape,
            *scalp,
            p['N'] + (9.5, -13.0),
            p["N'"],
            leave(p["N'"], p['Prn'], 0.55, 1.2),
            p['Prn'],
            p['Prn'] + (-4.0, 6.0),
            blend(p['Prn'], p['Sn'], 0.75) + (0.0, 2.0),
            p['Sn'],
        ]
    )
    mouth = 0.5 * (p['UL'] + p['LL'])
    # Lips close in front of the teeth.
    mouth[0] = max(
        min(p['UL'][0], p['LL'][0]) - 5.0,
        max(p['U1'][0], p['L1'][0]) + 2.0,
    )
    upper_lip = smooth(
        [
            p['Sn'],
            leave(p['Sn'], p['UL'], 0.45, -1.5),
            p['UL'],
            blend(p['UL'], mouth, 0.6) + (2.0, 1.0),
            mouth,
        ]
    )
    throat = _find_throat(p)
    chin = smooth(
        [
            mouth,
            blend(p['LL'], mouth, 0.6) + (2.0, -1.0),
            p['LL'],
            leave(p['LL'], p["Pog'"], 0.5, -rng.uniform(3.0, 5.5)),
            p["Pog'"],
            p['Gn'] + (7.0, 7.0),
            p['Me'] + (-2.0, 9.0),
            throat + (8.0, 1.0),
            throat,
            throat + (-6.0, 18.0),
            np.array([throat[0] - 8.0, _BOTTOM]),
        ]
    )
    return np.concatenate([head, upper_lip, chin])


def draw_neck(points: Points, rng: np.random.Generator) -> list[Piece]:
    """Draw vertebrae, the hyoid bone and the airway.

    Args:
        points (Dict[str, np.ndarray]): Landmarks in the frame of the face.
        rng (np.random.Generator): Stream of the cephalogram.

    Returns:
        List[Piece]: From back to front.
    """
    p = points
    top = p['Ar'] + np.array([-24.0, 16.0]) + rng.normal(0, 2, size=2)
    lean = rng.uniform(-0.25, -0.05)
    pieces = [
        Piece(ellipse(top, (5.0, 4.5)), 0.2, blur=0.4),
        Piece(ellipse(top + (-28.0, 2.0), (9.0, 4.0)), 0.2, blur=0.4),
        Piece(
            smooth(
                [
                    top + (-4.0, -7.0),
                    top + (-9.0, -7.0),
                    top + (-12.0, 14.0),
                    top + (-2.0, 14.0),
                ],
                closed=True,
            ),
            0.22,
            blur=0.3,
        ),
    ]
    for number in range(4):
        center = top + np.array([-7.0 + lean * 17 * number, 20 + 17 * number])
        half = np.array([7.5, 6.0]) * rng.uniform(0.93, 1.07, size=2)
        corners = center + half * np.array(
            [[1, -1], [1, 1], [-1, 1], [-1, -1]]
        )
        body = smooth(
            [
                corner
                for start, end in zip(corners, np.roll(corners, -1, axis=0))
                for corner in (
                    blend(start, end, 0.12),
                    blend(start, end, 0.88),
                )
            ],
            closed=True,
            steps=3,
        )
        spine = ellipse(center + (-22.0, 5.0), (13.0, 3.5), turn=-15.0)
        pieces += [
            Piece(body, 0.2, blur=0.3),
            Piece(body, 0.16, width=1.1, closed=True),
            Piece(spine, 0.14, blur=0.8),
        ]
    airway = [
        p['PNS'] + (-6.0, -6.0),
        p['PNS'] + (-8.0, 10.0),
        p['PNS'] + (-16.0, 34.0),
        p['PNS'] + (-13.0, 62.0),
        p['PNS'] + (-6.0, 90.0),
        p['PNS'] + (-15.0, 91.0),
        p['PNS'] + (-24.0, 62.0),
        p['PNS'] + (-25.0, 30.0),
        p['PNS'] + (-17.0, 0.0),
    ]
    sinus = ellipse(
        blend(p['PNS'], p['Or'], 0.55) + (0.0, 3.0), (13.0, 8.0), turn=-8.0
    )
    hyoid = ellipse(_find_throat(p) + (-19.0, 6.0), (6.0, 2.2), turn=-20.0)
    return [
        Piece(smooth(airway, closed=True), -0.12, blur=0.8),
        Piece(sinus, -0.08, blur=1.2),
        Piece(hyoid, 0.2, blur=0.4),
        *pieces,
    ]


def _find_throat(p: Points) -> np.ndarray:
    """Where the floor of the mouth meets the neck."""
    return np.array([0.5 * (p['Me'][0] + p['Go'][0]) + 2.0, p['Me'][1] + 7.0])
