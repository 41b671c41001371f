# Copyright (c) cape_mm contributors. All rights reserved.
"""Skull above the jaws: vault, cranial base, sella, orbit, ear, nose."""

from __future__ import annotations

from typing import Collection

import numpy as np

from .cephalogram_curves import Piece, blend, ellipse, leave, smooth
from .cephalogram_face import Points

# The vault from N over the top to the rear margin of the foramen magnum, for
# S-N = 70 mm; the first two are relative to N.
_BROW = ((3.0, -9.0), (2.0, -24.0))
_VAULT = (
    (60.0, -58.0),
    (38.0, -80.0),
    (4.0, -92.0),
    (-38.0, -91.0),
    (-78.0, -72.0),
    (-103.0, -36.0),
    (-105.0, 0.0),
    (-90.0, 26.0),
    (-64.0, 42.0),
)
_CENTER = np.array([-20.0, -25.0])


def draw_vault_outline(points: Points, rng: np.random.Generator) -> np.ndarray:
    """Draw the outer surface of the vault.

    Args:
        points (Dict[str, np.ndarray]): Landmarks in the frame of the face.
        rng (np.random.Generator): Stream of the cephalogram.

    Returns:
        np.ndarray: (M, 2), from N to the foramen magnum.
    """
    scale = np.linalg.norm(points['N']) / 70.0
    stretch = scale * rng.normal((1.0, 1.0), 0.03)
    bumps = rng.normal(0.0, 1.2, size=(len(_VAULT), 2))
    brow = [points['N'] + scale * np.array(offset) for offset in _BROW]
    vault = np.array(_VAULT) * stretch + bumps
    return smooth([points['N'], *brow, *vault])


def draw_cranium(
    points: Points,
    vault: np.ndarray,
    rng: np.random.Generator,
    hidden: Collection[str],
) -> list[Piece]:
    """Draw everything above the jaws.

    Args:
        points (Dict[str, np.ndarray]): Landmarks in the frame of the face.
        vault (np.ndarray): (M, 2) outer surface of the vault.
        rng (np.random.Generator): Stream of the cephalogram.
        hidden (Collection[str]): Codes of landmarks that must not be seen.

    Returns:
        List[Piece]: From back to front.
    """
    pieces = _draw_brain_case(points, vault, rng)
    pieces += _draw_nasal_bone(points, rng)
    if 'Or' not in hidden:
        pieces += _draw_orbit(points, rng)
    pieces += _draw_ear(points, rng, 'Po' not in hidden)
    return pieces


def _draw_brain_case(
    p: Points, vault: np.ndarray, rng: np.random.Generator
) -> list[Piece]:
    """Vault, and its floor: anterior fossa, the fossa around S, clivus."""
    radius = rng.uniform(4.6, 6.2)
    depth = radius * rng.uniform(0.9, 1.05)
    bowl = ellipse(np.zeros(2), (radius, depth), arc=(-20.0, 200.0))[::-1]
    basion = p['Ar'] + (-9.0, 6.5)
    rear = [basion, (-radius - 5.5, 1.0), (-radius - 2.0, -depth - 1.5)]
    front = [
        (radius + 0.5, -depth - 1.0),
        (radius + 7.0, -depth),
        (22.0, -8.5),
        p['N'] + (-32.0, -5.0),
        p['N'] + (-13.0, -8.0),
        p['N'] + (-5.0, -4.0),
    ]
    base = np.concatenate([rear, bowl, front])
    inside = _CENTER + rng.uniform(0.925, 0.955) * (vault - _CENTER)
    floor = np.concatenate([rear, 0.85 * bowl, front]) + (0.0, -1.2)
    floor[0] += (-4.0, -1.0)
    floor[-1] += (-5.0, -4.0)
    bone = rng.uniform(0.42, 0.55)
    brain = rng.uniform(0.12, 0.2)
    sinus = ellipse(
        np.array([radius + 9.0, 9.0]), (rng.uniform(9, 13), 6.0), turn=-10.0
    )
    below = [basion, p['Ar'], p['Ar'] + (12.0, -8.0), p['Ar'] + (24.0, -13.0)]
    return [
        Piece(np.concatenate([vault, base]), bone, blur=0.4),
        Piece(np.concatenate([inside, floor]), brain - bone, blur=0.5),
        # Both tables are denser than what lies between them.
        Piece(vault, 0.15, width=1.3),
        Piece(inside, 0.15, width=1.3),
        *_draw_vessels(rng),
        Piece(sinus, -0.1, blur=1.2),
        Piece(smooth(base[:3]), 0.3, width=3.0, blur=0.6),
        Piece(base[2 : len(bowl) + 5], 0.4, width=1.6, blur=0.2),
        Piece(smooth(front[1:]), 0.28, width=1.6),
        # The lower surface of the base, which the ramus crosses at Ar.
        Piece(smooth(below), 0.32, width=1.5),
    ]


def _draw_vessels(rng: np.random.Generator) -> list[Piece]:
    """Faint grooves and folds inside of the vault."""
    pieces = []
    for _ in range(int(rng.integers(3, 7))):
        start = np.array(_CENTER) + rng.uniform(-45.0, 45.0, size=2)
        way = np.cumsum(rng.normal(0.0, 14.0, size=(4, 2)), axis=0)
        density = rng.uniform(-0.05, 0.06)
        width = rng.uniform(1.5, 4.0)
        pieces.append(Piece(smooth(start + way), density, width, blur=1.0))
    return pieces


def _draw_nasal_bone(p: Points, rng: np.random.Generator) -> list[Piece]:
    """The bone that starts at N, the suture there, the frontal sinus."""
    tip = blend(p['N'], p['Prn'], rng.uniform(0.4, 0.5))
    bone = np.array(
        [
            p['N'],
            leave(p['N'], tip, 0.5, 0.8),
            tip,
            leave(p['N'], tip, 0.6, -2.2),
            leave(p['N'], tip, 0.05, -5.0),
        ]
    )
    suture = np.array([p['N'] + (1.0, -0.3), p['N'] + (-7.0, 2.0)])
    sinus = ellipse(
        p['N'] + (-4.0, -14.0), (rng.uniform(2.5, 4), rng.uniform(6, 9)), 8.0
    )
    return [
        Piece(sinus, -0.22, blur=0.6),
        Piece(bone, 0.42, blur=0.2),
        Piece(suture, -0.3, width=1.2),
    ]


def _draw_orbit(p: Points, rng: np.random.Generator) -> list[Piece]:
    """A hollow whose rim is lowest at Or, and the cheek bone below."""
    radii = (rng.uniform(14.0, 17.0), rng.uniform(15.0, 18.0))
    center = p['Or'] - (0.0, radii[1])
    cheek = np.array(
        [
            p['Or'] + (5.0, 0.5),
            p['Or'] + (-4.0, 14.0),
            p['Or'] + (-10.0, 22.0),
            p['Or'] + (-15.0, 9.0),
            p['Or'] + (-13.0, -2.0),
        ]
    )
    # The fine bones between the orbits and the palate.
    haze = np.array(
        [
            p['N'] + (-6.0, 2.0),
            p['ANS'] + (-8.0, -6.0),
            p['PNS'] + (2.0, -6.0),
            np.array([14.0, 4.0]),
        ]
    )
    return [
        Piece(haze, rng.uniform(0.05, 0.12), blur=3.0),
        Piece(ellipse(center, radii), -0.13, blur=0.8),
        Piece(smooth(cheek, closed=True), 0.16, blur=1.0),
        Piece(ellipse(center, radii, arc=(15.0, 245.0)), 0.3, width=1.5),
        Piece(ellipse(center, radii, arc=(50.0, 130.0)), 0.3, width=1.8),
    ]


def _draw_ear(
    p: Points, rng: np.random.Generator, has_rod: bool
) -> list[Piece]:
    """The dense bone around the ear, and the ring whose top is Po."""
    petrous = ellipse(
        np.array([-21.0, 15.0]) + rng.normal(0, 1.5, size=2),
        (rng.uniform(14, 18), rng.uniform(8, 10)),
        turn=-25.0,
    )
    cells = ellipse(np.array([-38.0, 30.0]), (8.0, 12.0), turn=20.0)
    pieces = [
        Piece(petrous, 0.28, blur=2.5),
        Piece(cells, 0.14, blur=2.0),
    ]
    if has_rod:
        radius = rng.uniform(3.6, 4.6)
        ring = ellipse(p['Po'] + (0.0, radius), (radius, radius))
        pieces += [
            Piece(ring, -0.35),
            Piece(ring, 1.1, width=1.7, closed=True),
        ]
    return pieces
