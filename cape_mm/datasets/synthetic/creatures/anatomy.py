# Copyright (c) cape_mm contributors. All rights reserved.
"""From a skeleton to a creature: shapes, colours and textures of its parts.

An outline is an (M, 3) array: fraction of the bone, offset along the bone
and offset across it, both in body units. So round ends stay round when a bone
is longer or shorter.
"""

from __future__ import annotations

from itertools import product
from typing import Callable, NamedTuple, Sequence

import numpy as np

from ..scenery import Color, shade, to_color
from .body_plan import BodyPlan, Keypoint, draw_body_plan

#: Half the thickness in body units at fractions of a bone.
Profile = Callable[[np.ndarray], np.ndarray]

# Role of a bone -> ranges of thickness and taper, bulge.
_PROFILES = {
    'trunk': ((0.16, 0.3), (0.7, 1.2), 0.35),
    'head': ((0.11, 0.2), (0.6, 0.9), 0.0),
    'snout': ((0.11, 0.16), (0.4, 0.9), 0.0),
    'leg': ((0.08, 0.14), (0.5, 1.0), 0.2),
    'tail': ((0.06, 0.12), (0.5, 0.9), 0.0),
    'leaf': ((0.04, 0.07), (0.2, 0.7), 2.2),
    'spike': ((0.05, 0.08), (0.4, 0.8), 0.0),
    'claw': ((0.06, 0.1), (0.7, 1.4), 0.3),
    'wing': ((0.06, 0.09), (0.3, 0.6), 2.5),
}
_TEXTURES = ('plain', 'bands', 'stripe', 'spots', 'sock', 'halves')
# Spots and halves do not show on thin parts.
_THIN = dict.fromkeys(('tail', 'spike'), ('plain', 'bands', 'stripe', 'sock'))
# Mark -> ellipses: radii along and across the bone, shift along it, corners.
_MARKS = {
    'disc': ((1.0, 1.0, 0.0, 20),),
    'ring': ((1.0, 1.0, 0.0, 20), (0.5, 0.5, 0.0, 20)),
    'diamond': ((1.2, 1.0, 0.0, 4),),
    'claws': (),
    'bar': ((0.5, 1.5, 0.0, 12),),
    'cup': ((1.0, 1.2, 0.0, 20), (0.7, 0.8, 0.3, 20)),
}
# Three claws that point away from the end of a bone: along, across.
_CLAWS = np.array(
    [[-0.5, -0.5], [1.0, -1.0], [0.4, -0.4], [1.2, 0.0],
     [0.4, 0.4], [1.0, 1.0], [-0.5, 0.5], [-0.8, 0.0]]
)  # fmt: skip
_CAP = np.radians(np.linspace(90, -90, 9))[1:-1]
# From back to front; the far limbs of a side view come before all.
_LAYERS = dict(
    side=('tail', 'spike', 'leaf', 'trunk', 'snout', 'head', 'wing', 'leg'),
    top=('leg', 'tail', 'leaf', 'claw', 'trunk', 'spike', 'head', 'wing'),
)


class Patch(NamedTuple):
    """One filled polygon of a part: outline (M, 3) float64, and colour."""

    outline: np.ndarray
    color: Color


class Part(NamedTuple):
    """Polygons on the bone that ends in a keypoint."""

    keypoint: int
    patches: tuple[Patch, ...]  # from back to front, the body first


class Creature(NamedTuple):
    """A category: one anatomy with its own shapes, colours and textures."""

    keypoints: tuple[Keypoint, ...]  # in annotation order
    parts: tuple[Part, ...]  # from back to front
    ink: Color | None  # of contours

    @property
    def keypoint_names(self) -> list[str]:
        """Names of the K keypoints."""
        return [keypoint.name for keypoint in self.keypoints]

    @property
    def skeleton(self) -> list[list[int]]:
        """Bones, 0-based index pairs."""
        return [
            [keypoint.parent, index]
            for index, keypoint in enumerate(self.keypoints)
            if keypoint.parent >= 0
        ]


def draw_creature(rng: np.random.Generator) -> Creature:
    """Category of its own anatomy, shapes, colours and textures."""
    # No two limbs of a creature have the same colours and texture, nor two
    # keypoints the same mark, not even left and right: the pixels around a
    # keypoint identify it.
    plan = draw_body_plan(rng)
    painter = _Painter(plan, rng)
    layers: list[tuple[int, Part]] = []
    for index, keypoint in enumerate(plan.keypoints):
        if keypoint.parent >= 0:
            part = Part(index, tuple(painter.paint(keypoint)))
            layer = _LAYERS[plan.view].index(keypoint.role)
            layers.append((-1 if plan.is_far(keypoint) else layer, part))
    # The root ends no bone: its mark lies on top of all.
    first = next(i for i, k in enumerate(plan.keypoints) if k.parent == 0)
    layers.sort(key=lambda layer: layer[0])
    parts = [part for _, part in layers]
    parts.append(Part(first, tuple(painter.mark(fraction=0.0))))
    return Creature(plan.keypoints, tuple(parts), painter.ink)


class _Painter:
    """Gives the parts of one creature their shapes and colours."""

    def __init__(self, plan: BodyPlan, rng: np.random.Generator) -> None:
        self.plan = plan
        self.rng = rng
        self.palette = _draw_palette(rng)
        self.mark_colors = [
            to_color(hue, saturation, value)
            for hue in rng.uniform() + np.arange(3) / 3
            for saturation, value in ((0.15, 1.0), (1.0, 1.0), (0.8, 0.3))
        ]
        has_ink = rng.random() < 0.6
        self.ink = shade(self.palette[0], 0.25) if has_ink else None
        self._looks = self._shuffle(self.palette[1:], _TEXTURES)
        self._marks = self._shuffle(self.mark_colors, _MARKS)
        self._profiles: dict[str, Profile] = {}

    def paint(self, keypoint: Keypoint) -> list[Patch]:
        """Paint the part on the bone that ends in a keypoint."""
        rng, role = self.rng, keypoint.role
        # One shape for left and right, but not one look.
        kind = keypoint.name.replace('left_', '').replace('right_', '')
        if kind not in self._profiles:
            self._profiles[kind] = _draw_profile(role, rng)
        profile = self._profiles[kind]
        if role == 'trunk':  # its colour is its own
            look = self.palette[0], _TEXTURES[rng.integers(len(_TEXTURES))]
        else:
            allowed = _THIN.get(role, _TEXTURES)
            look = next(look for look in self._looks if look[1] in allowed)
            self._looks.remove(look)
        color, texture = look
        second = self._other_color(color)
        if self.plan.is_far(keypoint):
            color, second = shade(color, 0.7), shade(second, 0.7)

        # A wing or a leaf hangs from its bone to one side.
        scale = (1.0, 0.35) if role == 'wing' else (1.0, 1.0)
        patches = [Patch(_stretch(profile, scale=scale), color)]
        outlines = _draw_texture(texture, profile, rng)
        patches += [Patch(outline, second) for outline in outlines]
        if role == 'head':
            light = shade(self.mark_colors[0], 1.0)
            patches += _draw_head(self.plan.view, color, second, light, rng)
        elif keypoint.is_tip or rng.random() < 0.5:
            patches += self.mark()
        return patches

    def mark(self, fraction: float = 1.0) -> list[Patch]:
        """Paint a mark that no other keypoint has, at a fraction of a bone."""
        color, mark = self._marks.pop()
        colors = (color, self._other_color())
        size = self.rng.uniform(0.08, 0.13)
        outlines = [
            _ellipse(size * along, size * across, size * shift, 0, fraction, n)
            for along, across, shift, n in _MARKS[mark]
        ] or [
            np.insert(_CLAWS * (1.3 * size, 1.2 * size), 0, fraction, axis=1)
        ]
        return [Patch(*pair) for pair in zip(outlines, colors)]

    def _other_color(self, color: Color = (0, 0, 0)) -> Color:
        """A colour of the palette that stands out from another one."""
        others = [
            other
            for other in self.palette
            if np.abs(np.subtract(other, color)).sum() > 120
        ]
        return others[self.rng.integers(len(others))]

    def _shuffle(self, *items: Sequence) -> list[tuple]:
        """All combinations in random order."""
        pairs = list(product(*items))
        return [pairs[number] for number in self.rng.permutation(len(pairs))]


def _draw_palette(
    rng: np.random.Generator, num_colors: int = 6
) -> list[Color]:
    """Colours that are well apart in hue and in lightness."""
    hues = rng.uniform() + np.arange(num_colors) / num_colors
    hues += rng.uniform(-0.05, 0.05, size=num_colors)
    values = np.linspace(0.4, 1.0, num_colors)[rng.permutation(num_colors)]
    saturations = rng.uniform(0.3, 0.95, size=num_colors)
    order = rng.permutation(num_colors)
    return [
        to_color(hues[i], saturations[i], values[i]) for i in order.tolist()
    ]


def _draw_profile(role: str, rng: np.random.Generator) -> Profile:
    """How thick a part of a role is along its bone."""
    drawn = {
        name: (rng.uniform(*thickness), rng.uniform(*taper), bulge)
        for name, (thickness, taper, bulge) in _PROFILES.items()
    }
    thickness, taper, bulge = drawn[role]

    def profile(fraction: np.ndarray) -> np.ndarray:
        straight = 1 + (taper - 1) * fraction
        return thickness * (straight + bulge * np.sin(np.pi * fraction))

    return profile


def _draw_texture(
    texture: str, profile: Profile, rng: np.random.Generator
) -> list[np.ndarray]:
    """Outlines that lie on the body of a part, none for a plain one."""
    if texture == 'bands':
        count = int(rng.integers(2, 5))
        return [
            _stretch(
                profile, (n + 0.3) / count, (n + 0.75) / count, ends=False
            )
            for n in range(count)
        ]
    if texture == 'spots':
        outlines = []
        for where in np.linspace(0.1, 0.9, int(rng.integers(3, 6))):
            half = float(profile(where))
            radius = half * rng.uniform(0.3, 0.5)
            across = half * rng.uniform(-0.45, 0.45)
            outlines.append(_ellipse(radius, radius, 0, across, where, 12))
        return outlines
    if texture == 'stripe':
        return [_stretch(profile, 0.08, 0.92, scale=(0.4, 0.4))]
    if texture == 'sock':
        return [_stretch(profile, rng.uniform(0.4, 0.7), 1.0)]
    if texture == 'halves':
        return [_stretch(profile, scale=(1.0, 0.0))]
    return []


def _draw_head(
    view: str,
    skull: Color,
    blaze: Color,
    eyes: Color,
    rng: np.random.Generator,
) -> list[Patch]:
    """Skull at the end of the neck, with one eye (``side``) or two."""
    long, wide = rng.uniform(0.2, 0.32), rng.uniform(0.19, 0.28)
    sides = (20, 20, 6, 4)[rng.integers(4)]
    if sides == 4:
        long, wide = 1.25 * long, 1.25 * wide
    patches = [Patch(_ellipse(long, wide, sides=sides), skull)]
    if rng.random() < 0.5:
        outline = _ellipse(0.5 * long, 0.4 * wide, -0.35 * long)
        patches.append(Patch(outline, blaze))
    radius = rng.uniform(0.06, 0.09)
    places = [(0.3 * long, 0.0)]
    if view == 'top':
        places = [(0.35 * long, 0.5 * wide), (0.35 * long, -0.5 * wide)]
    for place in places:
        pupil = _ellipse(0.5 * radius, 0.5 * radius, *place, sides=10)
        patches.append(Patch(_ellipse(radius, radius, *place), eyes))
        patches.append(Patch(pupil, shade(eyes, 0.1)))
    return patches


def _stretch(
    profile: Profile,
    begin: float = 0.0,
    end: float = 1.0,
    scale: tuple[float, float] = (1.0, 1.0),
    ends: bool = True,
) -> np.ndarray:
    """Outline (M, 3) of a stretch of a part, each side scaled, round ends."""
    fraction = np.linspace(begin, end, 9)
    half, still = profile(fraction), np.zeros(9)
    sides = [  # one side, the end, the other side, the begin
        (fraction, still, half),
        (np.full(7, end), half[-1] * np.cos(_CAP), half[-1] * np.sin(_CAP)),
        (fraction[::-1], still, -half[::-1]),
        (np.full(7, begin), -half[0] * np.cos(_CAP), -half[0] * np.sin(_CAP)),
    ]
    outline = np.concatenate(sides if ends else sides[::2], axis=1).T.copy()
    outline[:, 2] *= np.where(outline[:, 2] > 0, *scale)
    return outline


def _ellipse(
    along: float,
    across: float,
    x: float = 0.0,
    y: float = 0.0,
    fraction: float = 1.0,
    sides: int = 20,
) -> np.ndarray:
    """Outline (sides, 3) of an ellipse, or of a polygon inscribed in it."""
    angle = np.linspace(0, 2 * np.pi, sides, endpoint=False)
    x, y = x + along * np.cos(angle), y + across * np.sin(angle)
    return np.stack([np.full_like(angle, fraction), x, y], axis=1)
