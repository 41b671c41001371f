# Copyright (c) cape_mm contributors. All rights reserved.
"""What lies in the way of the rays: skin, skull, jaws, teeth, neck.

Everything is placed from the landmarks of a face, in its frame, so that each
landmark is where an observer would mark it. Tables give places as landmark,
x and y: millimetres away from that landmark, for an adult head.
"""

from __future__ import annotations

from typing import Collection, Sequence

import numpy as np

from .curves import Piece, beside, blend, ellipse, leave, smooth
from .face import Points, direct

# The vault from N over the top to the rear margin of the foramen magnum, for
# S-N = 70 mm, relative to N and to S.
_BROW = ((3, -9), (2, -24))
_VAULT = ((60, -58), (38, -80), (4, -92), (-38, -91), (-78, -72), (-103, -36),
          (-105, 0), (-90, 26), (-64, 42))  # fmt: skip
_CENTER = np.array([-20.0, -25.0])
# Centre, radii, degrees clockwise, density, blur; the radii vary by a tenth.
_ELLIPSES = (
    (('S', 15, 9), (11, 6), -10, -0.1, 1.2),  # sphenoid sinus
    (('N', -4, -14), (3.2, 7.5), 8, -0.22, 0.6),  # frontal sinus
    (('PNS', 18, -9), (13, 8), -8, -0.08, 1.2),  # maxillary sinus
    (('S', -21, 15), (16, 9), -25, 0.28, 2.5),  # petrous bone
    (('S', -38, 30), (8, 12), 20, 0.14, 2.0),  # mastoid cells
    (('Ar', -24, 16), (5, 4.5), 0, 0.2, 0.4),  # atlas, front and rear arch
    (('Ar', -52, 18), (9, 4), 0, 0.2, 0.4),
    (('Ar', -31, 19), (5, 11), 10, 0.22, 0.4),  # tooth of the axis
)
# Places on a closed smooth outline, density, blur.
_AREAS = (
    # cheek bone
    ((('Or', 5, 0.5), ('Or', -4, 14), ('Or', -10, 22), ('Or', -15, 9),
      ('Or', -13, -2)), 0.16, 1.0),
    # fine bones between orbit and palate
    ((('N', -6, 2), ('ANS', -8, -6), ('PNS', 2, -6), ('S', 14, 4)), 0.08, 3),
    # air behind nose and palate, down to the larynx
    ((('PNS', -1, -3), ('PNS', -1, 2), ('PNS', -7, 12), ('PNS', -16, 34),
      ('PNS', -13, 62), ('PNS', -6, 90), ('PNS', -15, 91), ('PNS', -24, 62),
      ('PNS', -25, 30), ('PNS', -14, -3)), -0.13, 0.6),
)  # fmt: skip
# Tooth -> millimetres behind the incisors, width of its crown.
_TEETH = {'4': (13.0, 6.5), '5': (20.0, 6.5), '6': (28.5, 10.0),
          '7': (39.0, 9.5)}  # fmt: skip
# Outline of such a tooth: millimetres along it, half widths across it.
_TOOTH = ((0, -0.7), (1.5, -1), (6.5, -0.85), (18, -0.5), (11, 0), (18, 0.4),
          (6.5, 0.85), (1.5, 1), (0, 0.7), (1.2, 0))  # fmt: skip
# One side of an incisor: fraction from edge to apex, millimetres across.
_INCISOR = ((0.0, 0.4), (0.1, 1.2), (0.25, 2.7), (0.42, 3.3), (0.6, 2.9),
            (0.85, 1.6), (1.0, 0.4))  # fmt: skip


def draw_head(
    points: Points, rng: np.random.Generator, hidden: Collection[str]
) -> list[Piece]:
    """Pieces of a head around its landmarks, without the hidden ones."""
    vault = draw_vault(points, rng)
    skin = draw_skin(points, vault, rng)
    density = 0.0 if 'Prn' in hidden else rng.uniform(0.2, 0.32)
    pieces = [Piece(skin, density, blur=0.3)]
    pieces += _draw_tissues(points, rng)
    pieces += _draw_skull(points, vault, rng)
    if 'Or' not in hidden:
        radii = rng.uniform((14.0, 15.0), (17.0, 18.0))
        center = points['Or'] - (0.0, radii[1])
        rim = [ellipse(center, radii, arc=a) for a in ((15, 245), (50, 130))]
        pieces += [Piece(ellipse(center, radii), -0.13, blur=0.8)]
        pieces += [Piece(arc, 0.3, width=1.7) for arc in rim]
    if 'Po' not in hidden:
        radius = rng.uniform(3.6, 4.6)
        ring = ellipse(points['Po'] + (0.0, radius), (radius, radius))
        pieces += [Piece(ring, -0.35), Piece(ring, 1.1, 1.7, closed=True)]
    pieces += _draw_upper_jaw(points, rng) + _draw_lower_jaw(points, rng)
    return pieces + _draw_teeth(points, rng)


def draw_vault(points: Points, rng: np.random.Generator) -> np.ndarray:
    """Outer surface of the vault (M, 2), from N to the foramen magnum."""
    scale = np.linalg.norm(points['N']) / 70.0
    vault = np.array(_VAULT) * scale * rng.normal((1.0, 1.0), 0.03)
    vault += rng.normal(0.0, 1.2, size=vault.shape)
    brow = points['N'] + scale * np.array(_BROW)
    return smooth([points['N'], *brow, *vault])


def draw_skin(
    points: Points, vault: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Closed outline (M, 2) of head and neck around a vault."""
    p = points
    away = vault[12:-6:6] - _CENTER
    away /= np.linalg.norm(away, axis=1, keepdims=True)
    # From behind over the top to the forehead.
    scalp = (vault[12:-6:6] + rng.uniform(5.0, 7.0) * away)[::-1]
    neck = scalp[0] + np.array([(6.0, 175.0), (14.0, 65.0), (12.0, 45.0)])
    brow = p['N'] + (9.5, -13.0)
    bridge = leave(p["N'"], p['Prn'], 0.55, 1.2)
    nostril = blend(p['Prn'], p['Sn'], 0.75) + (0.0, 2.0)
    nose = [bridge, p['Prn'], p['Prn'] + (-4.0, 6.0), nostril, p['Sn']]
    head = smooth([*neck, *scalp, brow, p["N'"], *nose])
    # Lips close in front of the teeth.
    mouth = 0.5 * (p['UL'] + p['LL'])
    mouth[0] = max(
        min(p['UL'][0], p['LL'][0]) - 5.0, max(p['U1'][0], p['L1'][0]) + 2.0
    )
    upper = blend(p['UL'], mouth, 0.6) + (2.0, 1.0)
    lower = blend(p['LL'], mouth, 0.6) + (2.0, -1.0)
    groove = leave(p['Sn'], p['UL'], 0.45, -1.5)
    throat_x = 0.5 * (p['Me'][0] + p['Go'][0]) + 2.0
    throat = np.array([throat_x, p['Me'][1] + 7.0])
    chin = [
        leave(p['LL'], p["Pog'"], 0.5, -rng.uniform(3.0, 5.5)),
        p["Pog'"],
        p['Gn'] + (7.0, 7.0),
        p['Me'] + (-2.0, 9.0),
        *throat + np.array([(8.0, 1.0), (0.0, 0.0), (-6.0, 18.0)]),
    ]
    end = np.array([throat_x - 8.0, 190.0])
    upper_lip = smooth([p['Sn'], groove, p['UL'], upper, mouth])
    lower_face = smooth([mouth, lower, p['LL'], *chin, end])
    return np.concatenate([head, upper_lip, lower_face])


def find_jaw_landmarks(points: Points) -> dict[str, np.ndarray]:
    """Co, R, U5, L5, U6 and L6, (2,) each, which follow from the others."""
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


def _draw_tissues(p: Points, rng: np.random.Generator) -> list[Piece]:
    """Sinuses, ear, cheek, airway and the vertebrae of the neck."""
    pieces = [
        Piece(smooth(_places(p, area), closed=True), density, blur=blur)
        for area, density, blur in _AREAS
    ]
    for place, radii, turn, density, blur in _ELLIPSES:
        radii = rng.normal(1.0, 0.1) * np.array(radii)
        center = _places(p, [place])[0] + rng.normal(0.0, 1.0, size=2)
        outline = ellipse(center, radii, turn)
        pieces.append(Piece(outline, density, blur=blur))
    # Faint grooves and folds inside of the vault.
    for start in rng.uniform(-45.0, 45.0, size=(4, 2)):
        way = start + np.cumsum(rng.normal(0.0, 14.0, size=(4, 2)), axis=0)
        density, width = rng.uniform((-0.05, 1.5), (0.06, 4.0))
        pieces.append(Piece(smooth(_CENTER + way), density, width, blur=1.0))
    lean = rng.uniform(-4.0, -1.0)
    corners = np.array([[1, -1], [1, 1], [-1, 1], [-1, -1]])
    for number in range(4):
        center = p['Ar'] + (-31 + lean * number, 36.0 + 17 * number)
        half = rng.uniform((7.0, 5.5), (8.0, 6.5))
        spine = ellipse(center + (-22.0, 5.0), (13.0, 3.5), turn=-15.0)
        pieces += [
            Piece(center + half * corners, 0.2, blur=0.5),
            Piece(center + half * corners, 0.16, width=1.1, closed=True),
            Piece(spine, 0.14, blur=0.8),
        ]
    return pieces


def _draw_skull(
    p: Points, vault: np.ndarray, rng: np.random.Generator
) -> list[Piece]:
    """Vault and its floor with the hollow around S, and the nasal bone."""
    radius = rng.uniform(4.6, 6.2)
    depth = radius * rng.uniform(0.9, 1.05)
    bowl = ellipse(np.zeros(2), (radius, depth), arc=(-20.0, 200.0))[::-1]
    basion = p['Ar'] + (-9.0, 6.5)
    clivus = [basion, (-radius - 5.5, 1.0), (-radius - 2.0, -depth - 1.5)]
    fossa = [
        (radius + 0.5, -depth - 1.0),
        (radius + 7.0, -depth),
        (22.0, -8.5),
        *p['N'] + np.array([(-32.0, -5.0), (-13.0, -8.0), (-5.0, -4.0)]),
    ]
    base = np.concatenate([clivus, bowl, fossa])
    inside = _CENTER + rng.uniform(0.925, 0.955) * (vault - _CENTER)
    bone, brain = rng.uniform((0.42, 0.12), (0.55, 0.2))
    below = p['Ar'] + np.array([(-9, 6.5), (0, 0), (12, -8), (24, -13)])
    tip = blend(p['N'], p['Prn'], rng.uniform(0.4, 0.5))
    nasal = ((0, 0), (0.5, 0.8), (1, 0), (0.6, -2.2), (0.05, -5))
    suture = p['N'] + np.array([(1.0, -0.3), (-7.0, 2.0)])
    return [
        Piece(np.concatenate([vault, base]), bone, blur=0.4),
        Piece(np.concatenate([inside, base]), brain - bone, blur=0.5),
        # Both tables are denser than what lies between them.
        Piece(vault, 0.15, width=1.3),
        Piece(inside, 0.15, width=1.3),
        Piece(smooth(base[:3]), 0.3, width=3.0, blur=0.6),
        Piece(base[2 : len(bowl) + 5], 0.4, width=1.6, blur=0.2),
        Piece(smooth(fossa[1:]), 0.28, width=1.6),
        # The lower surface of the base, which the ramus crosses at Ar.
        Piece(smooth(below), 0.32, width=1.5),
        Piece(beside(p['N'], tip, nasal), 0.42, blur=0.2),
        Piece(suture, -0.3, width=1.2),
    ]


def _draw_upper_jaw(p: Points, rng: np.random.Generator) -> list[Piece]:
    """Palate from PNS to the tip ANS, and the bone around the roots."""
    crest = leave(p['U1'], p['U1a'], 0.46, -3.4)
    crest[0] = max(crest[0], p['A'][0] + 1.5)
    front = smooth([p['ANS'], p['A'], crest])
    back, rise = _find_bite(p, 40.0)
    rear = [
        leave(p['U1'], p['U1a'], 0.46, 3.4),
        back + 8.0 * rise + 0.5 * (p['U1'] - p['L1']),
        p['PNS'] + (1.0, 8.0),
        p['PNS'],
    ]
    thick = rng.uniform(3.0, 4.5)
    palate = ((0, 0), (0.25, 0.3), (0.75, 0.3), (1, 0), (0.85, -0.9 * thick),
              (0.5, -thick), (0.15, -0.5 * thick))  # fmt: skip
    bone = np.concatenate([front, rear])
    return [
        Piece(bone, rng.uniform(0.14, 0.22), blur=0.5),
        Piece(beside(p['PNS'], p['ANS'], palate), 0.3, blur=0.2),
        Piece(np.array([p['PNS'], p['ANS']]), 0.3, width=1.1),
        Piece(front, 0.3, width=1.1),
    ]


def _draw_lower_jaw(p: Points, rng: np.random.Generator) -> list[Piece]:
    """Symphysis, body with the border through Me and Go, ramus, condyle."""
    up, front = _ramus_axes(p)
    crest, inner_crest = beside(p['L1'], p['L1a'], ((0.46, 3.3), (0.46, -3.3)))
    crest[0] = max(crest[0], p['B'][0] + 1.5)
    notch, hollow = rng.uniform((1.0, 0.5), (3.0, 2.0))
    below = ((0.1, -0.4), (0.3, 0.3 * notch), (0.65, notch), (0.88, 0.5))
    chin = smooth(
        [
            *(crest, p['B'], p['Pog'], p['Gn'], p['Me']),
            *beside(p['Me'], p['Go'], below),
            p['Go'],
            *beside(p['Go'], p['Ar'], ((0.18, -0.4), (0.6, hollow))),
            p['Ar'],
            p['Ar'] + 7.0 * up + 0.5 * front,
            p['Ar'] + 11.0 * up + 5.0 * front,
        ]
    )
    gum, rise = _find_bite(p, 46.0)
    ramus = smooth(
        [
            p['Ar'] + 6.0 * up + 10.0 * front,
            p['Ar'] - 3.0 * up + 15.0 * front,
            p['Ar'] + 3.0 * up + 27.0 * front,
            find_jaw_landmarks(p)['R'],
            gum - 7.0 * rise,
        ]
    )
    inner = p['Me'] + np.array([(-11.0, -9.0), (-6.0, -1.5)])
    tongue_side = smooth([inner_crest, p['L1a'] + (-7.0, 1.0), *inner])
    body = np.concatenate([chin, ramus, [inner_crest]])
    symphysis = np.concatenate([chin[:25], tongue_side[::-1]])
    return [
        Piece(body, rng.uniform(0.2, 0.28), blur=0.4),
        Piece(symphysis, 0.16, blur=0.5),
        Piece(chin, 0.34, width=1.5),
        Piece(ramus, 0.18, width=1.2),
        Piece(tongue_side, 0.2, width=1.2),
    ]


def _draw_teeth(p: Points, rng: np.random.Generator) -> list[Piece]:
    """Pairs of teeth that meet, and the incisors with bright crowns."""
    pieces = []
    for distance, width in _TEETH.values():
        place, rise = _find_bite(p, distance)
        across = np.array([-rise[1], rise[0]])
        for away in (rise, -rise):
            half = 0.5 * width * rng.uniform(0.93, 1.03)
            shape = np.array(_TOOTH) @ (away, half * across)
            outline = place - 0.5 * away + shape
            crown = outline[[0, 1, 2, 6, 7, 8, 9]]
            pieces += [Piece(outline, 0.12, blur=0.3), Piece(crown, 0.28)]
    for tooth in ('L1', 'U1'):
        edge, apex = p[tooth], p[f'{tooth}a']
        sides = [
            beside(edge, apex, np.array(_INCISOR) * (1, side))
            for side in rng.uniform(0.9, 1.1) * np.array([1.0, -1.0])
        ]
        outline = np.concatenate([sides[0], sides[1][::-1]])
        crown = np.concatenate([sides[0][:4], sides[1][3::-1]])
        canal = beside(edge, apex, ((0.35, 0), (0.9, 0)))
        pieces += [
            Piece(outline, rng.uniform(0.34, 0.44)),
            # The gap between root and bone.
            Piece(outline, -0.12, width=0.8, closed=True),
            Piece(crown, 0.3),
            Piece(canal, -0.14, width=0.9),
        ]
    return pieces


def _find_bite(p: Points, distance: float) -> tuple[np.ndarray, np.ndarray]:
    """Place where teeth meet behind the incisors, unit vector upwards."""
    start = 0.5 * (p['U1'] + p['L1'])
    # The plane lies between the palate and the border of the jaw.
    jaw = p['Go'] - p['Me']
    tilt = 0.4 * np.degrees(np.arctan2(-jaw[1], -jaw[0]))
    return start + distance * direct(180.0 - tilt), direct(90.0 - tilt)


def _ramus_axes(p: Points) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors from Go to Ar, and across it to the front."""
    up = (p['Ar'] - p['Go']) / np.linalg.norm(p['Ar'] - p['Go'])
    return up, np.array([-up[1], up[0]])


def _places(p: Points, table: Sequence[tuple]) -> np.ndarray:
    """Points (M, 2) of a table of landmark, x and y."""
    return np.array([p[code] + (x, y) for code, x, y in table])
