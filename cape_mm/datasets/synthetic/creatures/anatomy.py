# Copyright (c) cape_mm contributors. All rights reserved.
"""From a skeleton to a creature: shapes, colours and textures of its parts."""

from __future__ import annotations

from itertools import product
from typing import NamedTuple

import numpy as np

from ..scenery import Color, shade, to_color
from .body_plan import BodyPlan, Keypoint, draw_body_plan
from .parts import (
    MARKS,
    TEXTURES,
    Patch,
    Profile,
    draw_head,
    draw_mark,
    draw_profile,
    draw_texture,
    limb_outline,
)

# Spots and halves do not show on thin parts.
_THIN = dict.fromkeys(('tail', 'spike'), ('plain', 'bands', 'stripe', 'sock'))
# From back to front; the far limbs of a side view come before all.
_LAYERS = dict(
    side=('tail', 'spike', 'leaf', 'trunk', 'snout', 'head', 'wing', 'leg'),
    top=('leg', 'tail', 'leaf', 'claw', 'trunk', 'spike', 'head', 'wing'),
)


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
    """Category of its own anatomy, shapes, colours and textures.

    No two limbs of a creature have the same colours and texture, nor two
    keypoints the same mark, not even left and right: the pixels around a
    keypoint identify it.
    """
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
    mark = painter.mark(fraction=0.0)
    layers.append((len(_LAYERS[plan.view]), Part(first, tuple(mark))))
    layers.sort(key=lambda layer: layer[0])
    return Creature(
        keypoints=plan.keypoints,
        parts=tuple(part for _, part in layers),
        ink=painter.ink,
    )


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
        self._looks = self._shuffle(
            product(range(1, len(self.palette)), TEXTURES)
        )
        self._marks = self._shuffle(
            product(range(len(self.mark_colors)), MARKS)
        )
        self._profiles: dict[str, Profile] = {}

    def paint(self, keypoint: Keypoint) -> list[Patch]:
        """Paint the part on the bone that ends in a keypoint."""
        # One shape for left and right, but not one look.
        kind = keypoint.name.replace('left_', '').replace('right_', '')
        if kind not in self._profiles:
            self._profiles[kind] = draw_profile(keypoint.role, self.rng)
        profile = self._profiles[kind]
        color, texture = self._take_look(keypoint)
        second = self._other_color(color)
        if self.plan.is_far(keypoint):
            color, second = shade(color, 0.7), shade(second, 0.7)

        # A wing or a leaf hangs from its bone to one side.
        scale = (1.0, 0.35) if keypoint.role == 'wing' else (1.0, 1.0)
        patches = [Patch(limb_outline(profile, scale=scale), color)]
        patches += draw_texture(texture, profile, second, self.rng)
        if keypoint.role == 'head':
            light = shade(self.mark_colors[0], 1.0)
            patches += draw_head(
                self.plan.view, (color, second, light), self.rng
            )
        elif keypoint.is_tip or self.rng.random() < 0.5:
            patches += self.mark()
        return patches

    def mark(self, fraction: float = 1.0) -> list[Patch]:
        """Paint a mark that no other keypoint has."""
        number, mark = self._marks.pop()
        colors = (self.mark_colors[number], self._other_color())
        size = self.rng.uniform(0.08, 0.13)
        return draw_mark(mark, size, colors, fraction)

    def _take_look(self, keypoint: Keypoint) -> tuple[Color, str]:
        """A colour and a texture; the trunk's colour is its own."""
        if keypoint.role == 'trunk':
            texture = TEXTURES[self.rng.integers(len(TEXTURES))]
            return self.palette[0], texture
        allowed = _THIN.get(keypoint.role, TEXTURES)
        look = next(look for look in self._looks if look[1] in allowed)
        self._looks.remove(look)
        return self.palette[look[0]], look[1]

    def _other_color(self, color: Color = (0, 0, 0)) -> Color:
        """A colour of the palette that stands out from another one."""
        others = [
            other
            for other in self.palette
            if np.abs(np.subtract(other, color)).sum() > 120
        ]
        return others[self.rng.integers(len(others))]

    def _shuffle(self, items) -> list:
        """The same in random order."""
        items = list(items)
        return [items[number] for number in self.rng.permutation(len(items))]


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
