# Copyright (c) cape_mm contributors. All rights reserved.
"""What makes a part and the joint at its end look like no other."""

from __future__ import annotations

import numpy as np

from .creature import Color, Patch
from .palette import shade
from .part_shapes import (
    Profile,
    ellipse_outline,
    fan_outline,
    limb_outline,
)

TEXTURES = ('plain', 'bands', 'stripe', 'spots', 'sock', 'halves')
MARKS = ('disc', 'ring', 'diamond', 'claws', 'bar', 'cup')


def draw_texture(
    texture: str, profile: Profile, color: Color, rng: np.random.Generator
) -> list[Patch]:
    """Draw what lies on the body of a part.

    Args:
        texture (str): One of :data:`TEXTURES`.
        profile (Profile): Half the thickness of the part.
        color (Color): Of the texture.
        rng (np.random.Generator): Stream of the category.

    Returns:
        List[Patch]: None for a plain part.
    """
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
            outlines.append(
                ellipse_outline((radius, radius), where, (0, across), 12)
            )
    elif texture == 'sock':
        outlines.append(limb_outline(profile, rng.uniform(0.4, 0.7), 1.0))
    elif texture == 'halves':
        outlines.append(limb_outline(profile, scale=(1.0, 0.0)))
    return [Patch(outline, color) for outline in outlines]


def draw_mark(
    mark: str, size: float, colors: tuple[Color, Color], fraction: float = 1.0
) -> list[Patch]:
    """Draw a mark around a joint.

    Args:
        mark (str): One of :data:`MARKS`.
        size (float): Its radius in body units.
        colors (Tuple[Color, Color]): Of the mark and of its inside.
        fraction (float): 1 for the end of the bone, 0 for its beginning.

    Returns:
        List[Patch]: One or two.
    """
    color, inner = colors
    outlines = {
        'disc': [ellipse_outline((size, size), fraction)],
        'ring': [
            ellipse_outline((size, size), fraction),
            ellipse_outline((0.5 * size, 0.5 * size), fraction),
        ],
        'diamond': [ellipse_outline((1.2 * size, size), fraction, sides=4)],
        'claws': [fan_outline(1.2 * size, 1.3 * size, fraction)],
        'bar': [ellipse_outline((0.5 * size, 1.5 * size), fraction, sides=12)],
        'cup': [
            ellipse_outline((size, 1.2 * size), fraction),
            ellipse_outline(
                (0.7 * size, 0.8 * size), fraction, (0.3 * size, 0)
            ),
        ],
    }[mark]
    return [Patch(outline, c) for outline, c in zip(outlines, (color, inner))]


def draw_head(
    view: str, colors: tuple[Color, Color, Color], rng: np.random.Generator
) -> list[Patch]:
    """Draw a skull with eyes around the joint at the end of the neck.

    Args:
        view (str): ``'side'`` shows one eye, ``'top'`` shows two.
        colors (Tuple[Color, Color, Color]): Of the skull, of a blaze on it
            and of the eyes.
        rng (np.random.Generator): Stream of the category.

    Returns:
        List[Patch]: The skull first.
    """
    long, wide = rng.uniform(0.2, 0.32), rng.uniform(0.19, 0.28)
    sides = (20, 20, 6, 4)[rng.integers(4)]
    if sides == 4:
        long, wide = 1.25 * long, 1.25 * wide
    patches = [
        Patch(ellipse_outline((long, wide), sides=sides), colors[0]),
    ]
    if rng.random() < 0.5:
        blaze = ellipse_outline(
            (0.5 * long, 0.4 * wide), 1.0, (-0.35 * long, 0)
        )
        patches.append(Patch(blaze, colors[1]))
    radius = rng.uniform(0.06, 0.09)
    places = [(0.3 * long, 0.0)]
    if view == 'top':
        places = [(0.35 * long, 0.5 * wide), (0.35 * long, -0.5 * wide)]
    for place in places:
        eye = ellipse_outline((radius, radius), 1.0, place)
        pupil = ellipse_outline((0.5 * radius, 0.5 * radius), 1.0, place, 10)
        patches += [Patch(eye, colors[2]), Patch(pupil, shade(colors[2], 0.1))]
    return patches
