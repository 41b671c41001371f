# Copyright (c) cape_mm contributors. All rights reserved.
"""Shapes, textures and marks of the parts of a creature.

An outline is an (M, 3) array: fraction of the bone, offset along the bone
and offset across it, both in body units. So round ends stay round when a bone
is longer or shorter.
"""

from __future__ import annotations

from typing import Callable, NamedTuple

import numpy as np

from ..scenery import Color, shade

#: Half the thickness in body units at fractions of a bone.
Profile = Callable[[np.ndarray], np.ndarray]

TEXTURES = ('plain', 'bands', 'stripe', 'spots', 'sock', 'halves')
MARKS = ('disc', 'ring', 'diamond', 'claws', 'bar', 'cup')
_CAP = np.radians(np.linspace(90, -90, 9))
# Three claws that point away from the end of a bone: along, across.
_CLAWS = np.array(
    [[-0.5, -0.5], [1.0, -1.0], [0.4, -0.4], [1.2, 0.0],
     [0.4, 0.4], [1.0, 1.0], [-0.5, 0.5], [-0.8, 0.0]]
)  # fmt: skip


class Patch(NamedTuple):
    """One filled polygon of a part: outline (M, 3) float64, and colour."""

    outline: np.ndarray
    color: Color


def draw_profile(role: str, rng: np.random.Generator) -> Profile:
    """How thick a part of a role is along its bone."""
    thickness, taper, bulge = {
        'trunk': (rng.uniform(0.16, 0.3), rng.uniform(0.7, 1.2), 0.35),
        'head': (rng.uniform(0.11, 0.2), rng.uniform(0.6, 0.9), 0.0),
        'snout': (rng.uniform(0.11, 0.16), rng.uniform(0.4, 0.9), 0.0),
        'leg': (rng.uniform(0.08, 0.14), rng.uniform(0.5, 1.0), 0.2),
        'tail': (rng.uniform(0.06, 0.12), rng.uniform(0.5, 0.9), 0.0),
        'leaf': (rng.uniform(0.04, 0.07), rng.uniform(0.2, 0.7), 2.2),
        'spike': (rng.uniform(0.05, 0.08), rng.uniform(0.4, 0.8), 0.0),
        'claw': (rng.uniform(0.06, 0.1), rng.uniform(0.7, 1.4), 0.3),
        'wing': (rng.uniform(0.06, 0.09), rng.uniform(0.3, 0.6), 2.5),
    }[role]

    def profile(fraction: np.ndarray) -> np.ndarray:
        straight = 1 + (taper - 1) * fraction
        return thickness * (straight + bulge * np.sin(np.pi * fraction))

    return profile


def limb_outline(
    profile: Profile,
    begin: float = 0.0,
    end: float = 1.0,
    scale: tuple[float, float] = (1.0, 1.0),
    rounded: bool = True,
) -> np.ndarray:
    """Outline (M, 3) of a stretch of a part, by fractions of its bone.

    ``scale`` are factors of the thickness on the two sides of the bone.
    """
    fraction = np.linspace(begin, end, 9)
    half = profile(fraction)
    along = np.zeros_like(fraction)
    sides = [
        np.stack([fraction, along, half * scale[0]], axis=1),
        np.stack([fraction, along, -half * scale[1]], axis=1)[::-1],
    ]
    if rounded:
        caps = []
        for where, width, sign in ((end, half[-1], 1), (begin, half[0], -1)):
            across = sign * width * np.sin(_CAP)
            across *= np.where(across > 0, *scale)
            along = sign * width * np.cos(_CAP)
            where = np.full_like(along, where)
            caps.append(np.stack([where, along, across], axis=1)[1:-1])
        sides = [sides[0], caps[0], sides[1], caps[1]]
    return np.concatenate(sides)


def draw_texture(
    texture: str, profile: Profile, color: Color, rng: np.random.Generator
) -> list[Patch]:
    """Patches that lie on the body of a part, none for a plain one."""
    outlines = []
    if texture == 'bands':
        count = int(rng.integers(2, 5))
        for number in range(count):
            begin, end = (number + 0.3) / count, (number + 0.75) / count
            outlines.append(limb_outline(profile, begin, end, rounded=False))
    elif texture == 'stripe':
        outlines.append(limb_outline(profile, 0.08, 0.92, scale=(0.4, 0.4)))
    elif texture == 'spots':
        for where in np.linspace(0.1, 0.9, int(rng.integers(3, 6))):
            half = float(profile(where))
            radius = half * rng.uniform(0.3, 0.5)
            across = half * rng.uniform(-0.45, 0.45)
            outlines.append(_ellipse(radius, radius, where, (0, across), 12))
    elif texture == 'sock':
        outlines.append(limb_outline(profile, rng.uniform(0.4, 0.7), 1.0))
    elif texture == 'halves':
        outlines.append(limb_outline(profile, scale=(1.0, 0.0)))
    return [Patch(outline, color) for outline in outlines]


def draw_mark(
    mark: str, size: float, colors: tuple[Color, Color], fraction: float = 1.0
) -> list[Patch]:
    """One or two patches around a keypoint, in the colours of both.

    ``size`` is the radius in body units; ``fraction`` is 1 for the end of the
    bone, 0 for its begin.
    """
    claws = _CLAWS * (1.3 * size, 1.2 * size)
    where = np.full(len(claws), fraction)
    outlines = {
        'disc': [_ellipse(size, size, fraction)],
        'ring': [
            _ellipse(size, size, fraction),
            _ellipse(0.5 * size, 0.5 * size, fraction),
        ],
        'diamond': [_ellipse(1.2 * size, size, fraction, sides=4)],
        'claws': [np.column_stack([where, claws])],
        'bar': [_ellipse(0.5 * size, 1.5 * size, fraction, sides=12)],
        'cup': [
            _ellipse(size, 1.2 * size, fraction),
            _ellipse(0.7 * size, 0.8 * size, fraction, (0.3 * size, 0)),
        ],
    }[mark]
    return [Patch(*pair) for pair in zip(outlines, colors)]


def draw_head(
    view: str, colors: tuple[Color, Color, Color], rng: np.random.Generator
) -> list[Patch]:
    """Skull with one eye (``side``) or two (``top``), around the neck's end.

    Colours are those of the skull, of a blaze on it and of the eyes.
    """
    long, wide = rng.uniform(0.2, 0.32), rng.uniform(0.19, 0.28)
    sides = (20, 20, 6, 4)[rng.integers(4)]
    if sides == 4:
        long, wide = 1.25 * long, 1.25 * wide
    patches = [Patch(_ellipse(long, wide, sides=sides), colors[0])]
    if rng.random() < 0.5:
        blaze = _ellipse(0.5 * long, 0.4 * wide, 1.0, (-0.35 * long, 0))
        patches.append(Patch(blaze, colors[1]))
    radius = rng.uniform(0.06, 0.09)
    places = [(0.3 * long, 0.0)]
    if view == 'top':
        places = [(0.35 * long, 0.5 * wide), (0.35 * long, -0.5 * wide)]
    for place in places:
        eye = _ellipse(radius, radius, 1.0, place)
        pupil = _ellipse(0.5 * radius, 0.5 * radius, 1.0, place, 10)
        patches += [Patch(eye, colors[2]), Patch(pupil, shade(colors[2], 0.1))]
    return patches


def _ellipse(
    along: float,
    across: float,
    fraction: float = 1.0,
    offset: tuple[float, float] = (0.0, 0.0),
    sides: int = 20,
) -> np.ndarray:
    """Outline (sides, 3) of an ellipse, or of a polygon inscribed in it."""
    angle = np.linspace(0, 2 * np.pi, sides, endpoint=False)
    x = offset[0] + along * np.cos(angle)
    y = offset[1] + across * np.sin(angle)
    return np.stack([np.full_like(angle, fraction), x, y], axis=1)
