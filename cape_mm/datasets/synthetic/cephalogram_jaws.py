# Copyright (c) cape_mm contributors. All rights reserved.
"""Upper and lower jaw with their teeth."""

from __future__ import annotations

import numpy as np

from .cephalogram_curves import Piece, blend, leave, smooth
from .cephalogram_face import Points, direct

# Tooth -> millimetres behind the incisors, width of its crown.
_TEETH = {'4': (13.0, 6.5), '5': (20.0, 6.5), '6': (28.5, 10.0),
          '7': (39.0, 9.5)}  # fmt: skip
# Along an incisor from its edge to its apex: fraction, half the thickness.
_INCISOR = ((0.0, 0.4), (0.1, 1.2), (0.25, 2.7), (0.42, 3.3), (0.6, 2.9),
            (0.85, 1.6), (1.0, 0.4))  # fmt: skip
_CROWN = 4


def find_jaw_points(points: Points) -> dict[str, np.ndarray]:
    """Find landmarks that follow from the others.

    Args:
        points (Dict[str, np.ndarray]): Landmarks in the frame of the face.

    Returns:
        Dict[str, np.ndarray]: Co, R, U5, L5, U6 and L6, (2,) millimetres.
    """
    up, front = _ramus_axes(points)
    height = np.linalg.norm(points['Ar'] - points['Go'])
    found = {
        'Co': points['Ar'] + 11.0 * up + 5.0 * front,
        'R': points['Go'] + 0.55 * height * up + 29.0 * front,
    }
    for tooth in ('5', '6'):
        place, rise = _find_bite(points, _TEETH[tooth][0])
        found[f'U{tooth}'] = place - 0.5 * rise
        found[f'L{tooth}'] = place + 0.5 * rise
    return found


def draw_jaws(points: Points, rng: np.random.Generator) -> list[Piece]:
    """Draw the jaws and the teeth.

    Args:
        points (Dict[str, np.ndarray]): Landmarks in the frame of the face.
        rng (np.random.Generator): Stream of the cephalogram.

    Returns:
        List[Piece]: From back to front.
    """
    pieces = _draw_lower_jaw(points, rng)
    pieces += _draw_upper_jaw(points, rng)
    for tooth in _TEETH:
        pieces += _draw_tooth(points, tooth, rng)
    pieces += _draw_incisor(points['L1'], points['L1a'], rng)
    pieces += _draw_incisor(points['U1'], points['U1a'], rng)
    return pieces


def _draw_upper_jaw(p: Points, rng: np.random.Generator) -> list[Piece]:
    """Palate from PNS to the tip ANS, and the bone around the roots."""
    crest = leave(p['U1'], p['U1a'], 0.46, -3.4)
    crest[0] = max(crest[0], p['A'][0] + 1.5)
    front = smooth([p['ANS'], p['A'], crest])
    back, rise = _find_bite(p, 40.0)
    body = np.concatenate(
        [
            front,
            [
                leave(p['U1'], p['U1a'], 0.46, 3.4),
                back + 8.0 * rise + 0.5 * (p['U1'] - p['L1']),
                p['PNS'] + (1.0, 8.0),
                p['PNS'],
            ],
        ]
    )
    thickness = rng.uniform(3.0, 4.5)
    palate = np.array(
        [
            p['PNS'],
            leave(p['PNS'], p['ANS'], 0.25, 0.3),
            leave(p['PNS'], p['ANS'], 0.75, 0.3),
            p['ANS'],
            leave(p['PNS'], p['ANS'], 0.85, -0.9 * thickness),
            leave(p['PNS'], p['ANS'], 0.5, -thickness),
            leave(p['PNS'], p['ANS'], 0.15, -0.5 * thickness),
        ]
    )
    floor = np.array([p['PNS'], p['ANS']])
    return [
        Piece(body, rng.uniform(0.14, 0.22), blur=0.5),
        Piece(palate, 0.3, blur=0.2),
        Piece(floor, 0.3, width=1.1),
        Piece(front, 0.3, width=1.1),
        # The air behind it.
        Piece(
            smooth(
                [
                    p['PNS'] + (-1.0, -3.0),
                    p['PNS'] + (-1.0, 2.0),
                    p['PNS'] + (-6.0, 16.0),
                    p['PNS'] + (-14.0, 18.0),
                    p['PNS'] + (-12.0, -2.0),
                ],
                closed=True,
            ),
            -0.14,
            blur=0.5,
        ),
    ]


def _draw_lower_jaw(p: Points, rng: np.random.Generator) -> list[Piece]:
    """Symphysis, body with the border through Me and Go, ramus, condyle."""
    up, front = _ramus_axes(p)
    height = np.linalg.norm(p['Ar'] - p['Go'])
    crest = leave(p['L1'], p['L1a'], 0.46, 3.3)
    crest[0] = max(crest[0], p['B'][0] + 1.5)
    inner_crest = leave(p['L1'], p['L1a'], 0.46, -3.3)
    notch = rng.uniform(1.0, 3.0)
    chin = smooth(
        [
            crest,
            p['B'],
            p['Pog'],
            p['Gn'],
            p['Me'],
            leave(p['Me'], p['Go'], 0.1, -0.4),
            leave(p['Me'], p['Go'], 0.3, 0.3 * notch),
            leave(p['Me'], p['Go'], 0.65, notch),
            leave(p['Me'], p['Go'], 0.88, 0.5),
            p['Go'],
            leave(p['Go'], p['Ar'], 0.18, -0.4),
            leave(p['Go'], p['Ar'], 0.6, rng.uniform(0.5, 2.0)),
            p['Ar'],
            p['Ar'] + 7.0 * up + 0.5 * front,
            p['Ar'] + 11.0 * up + 5.0 * front,
        ]
    )
    jaw = find_jaw_points(p)
    rear_gum, rise = _find_bite(p, 46.0)
    ramus_front = smooth(
        [
            p['Ar'] + 6.0 * up + 10.0 * front,
            p['Ar'] - 3.0 * up + 15.0 * front,
            p['Ar'] + 3.0 * up + 27.0 * front,
            jaw['R'],
            rear_gum - 7.0 * rise,
        ]
    )
    body = np.concatenate([chin, ramus_front, [inner_crest]])
    tongue_side = smooth(
        [
            inner_crest,
            p['L1a'] + (-7.0, 1.0),
            p['Me'] + (-11.0, -9.0),
            p['Me'] + (-6.0, -1.5),
        ]
    )
    symphysis = np.concatenate([chin[:25], tongue_side[::-1]])
    bone = rng.uniform(0.2, 0.28)
    return [
        Piece(body, bone, blur=0.4),
        Piece(symphysis, 0.16, blur=0.5),
        Piece(chin, 0.34, width=1.5),
        Piece(ramus_front, 0.18, width=1.2),
        Piece(tongue_side, 0.2, width=1.2),
        # The canal of the nerve.
        Piece(
            smooth(
                [
                    p['Go'] + 0.5 * height * up + 16.0 * front,
                    p['Go'] + 0.22 * height * up + 24.0 * front,
                    leave(p['Me'], p['Go'], 0.35, 12.0),
                ]
            ),
            -0.1,
            width=2.2,
            blur=0.5,
        ),
    ]


def _draw_incisor(
    tip: np.ndarray, apex: np.ndarray, rng: np.random.Generator
) -> list[Piece]:
    """A tooth that is sharp at both ends, with a bright crown."""
    thick = rng.uniform(0.9, 1.1)
    sides = [
        [leave(tip, apex, t, sign * thick * half) for t, half in _INCISOR]
        for sign in (1.0, -1.0)
    ]
    outline = np.array(sides[0] + sides[1][::-1])
    crown = np.array(sides[0][:_CROWN] + sides[1][:_CROWN][::-1])
    canal = np.array([blend(tip, apex, 0.35), blend(tip, apex, 0.9)])
    return [
        Piece(outline, rng.uniform(0.34, 0.44)),
        # The gap between root and bone.
        Piece(outline, -0.12, width=0.8, closed=True),
        Piece(crown, 0.3),
        Piece(canal, -0.14, width=0.9),
    ]


def _draw_tooth(
    p: Points, tooth: str, rng: np.random.Generator
) -> list[Piece]:
    """An upper and a lower tooth that meet."""
    distance, width = _TEETH[tooth]
    place, rise = _find_bite(p, distance)
    along = np.array([-rise[1], rise[0]])
    along = along if along[0] > 0 else -along
    pieces = []
    for sign, height in ((1.0, 18.0), (-1.0, 19.0)):
        away = sign * rise
        start = place - 0.5 * away
        half = 0.5 * width * rng.uniform(0.93, 1.03)
        corners = (
            (0.0, -0.7), (1.5, -1.0), (6.5, -0.85), (height, -0.5),
            (0.6 * height, 0.0), (height, 0.4), (6.5, 0.85), (1.5, 1.0),
            (0.0, 0.7), (1.2, 0.0),
        )  # fmt: skip
        outline = np.array(
            [start + a * away + b * half * along for a, b in corners]
        )
        crown = outline[[0, 1, 2, 6, 7, 8, 9]]
        pieces += [Piece(outline, 0.12, blur=0.3), Piece(crown, 0.28)]
    return pieces


def _find_bite(p: Points, distance: float):
    """Where the teeth meet, so far behind the incisors, and what is up.

    Returns:
        Tuple[np.ndarray, np.ndarray]: (2,) place, (2,) unit vector upwards.
    """
    start = 0.5 * (p['U1'] + p['L1'])
    # The plane lies between the palate and the border of the jaw.
    jaw = p['Go'] - p['Me']
    tilt = 0.4 * np.degrees(np.arctan2(-jaw[1], -jaw[0]))
    return start + distance * direct(180.0 - tilt), direct(90.0 - tilt)


def _ramus_axes(p: Points):
    """Unit vectors from Go to Ar, and across it to the front."""
    up = (p['Ar'] - p['Go']) / np.linalg.norm(p['Ar'] - p['Go'])
    return up, np.array([-up[1], up[0]])
