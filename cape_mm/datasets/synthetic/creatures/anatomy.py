# Copyright (c) cape_mm contributors. All rights reserved.
"""From a skeleton to a creature: shapes, colours and textures of its parts."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np

from ..scenery import Color, shade, to_color
from .body_plan import BodyPlan, Joint, draw_body_plan
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

# Spots and halves cannot be seen on thin parts.
_THIN = dict.fromkeys(('tail', 'spike'), ('plain', 'bands', 'stripe', 'sock'))
# From back to front; the far limbs of a side view come before all.
_LAYERS = dict(
    side=('tail', 'spike', 'leaf', 'trunk', 'snout', 'head', 'wing', 'leg'),
    top=('leg', 'tail', 'leaf', 'claw', 'trunk', 'spike', 'head', 'wing'),
)


@dataclass(frozen=True)
class Part:
    """What is drawn on the bone that ends in a joint.

    Attributes:
        joint (int): Index of the joint.
        patches (Tuple[Patch, ...]): Drawn in this order; the first one is the
            part's body.
    """

    joint: int
    patches: tuple[Patch, ...]


@dataclass(frozen=True)
class Creature:
    """A category: one anatomy with its own shapes, colours and textures.

    Attributes:
        joints (Tuple[Joint, ...]): The keypoints, in annotation order.
        parts (Tuple[Part, ...]): From back to front.
        ink (Color, optional): Colour of contours; None for no contours.
    """

    joints: tuple[Joint, ...]
    parts: tuple[Part, ...]
    ink: Color | None

    @property
    def keypoint_names(self) -> list[str]:
        """List[str]: Names of the K keypoints."""
        return [joint.name for joint in self.joints]

    @property
    def skeleton(self) -> list[list[int]]:
        """List[List[int]]: The bones, 0-based index pairs."""
        return [
            [joint.parent, index]
            for index, joint in enumerate(self.joints)
            if joint.parent >= 0
        ]


def draw_creature(rng: np.random.Generator) -> Creature:
    """Draw a category.

    No two limbs of a creature have the same colours and texture, nor two
    joints the same mark, not even left and right: each keypoint can be told
    from the pixels around it.

    Args:
        rng (np.random.Generator): Stream of the category.

    Returns:
        Creature: Its anatomy.
    """
    plan = draw_body_plan(rng)
    painter = _Painter(plan, rng)
    layers: list[tuple[int, Part]] = []
    for index, joint in enumerate(plan.joints):
        if joint.parent >= 0:
            part = Part(index, tuple(painter.paint(joint)))
            layers.append((_find_layer(joint, plan), part))
    # The root ends no bone: its mark lies on top of all.
    first = next(i for i, joint in enumerate(plan.joints) if joint.parent == 0)
    mark = painter.mark(fraction=0.0)
    layers.append((len(_LAYERS[plan.view]), Part(first, tuple(mark))))
    layers.sort(key=lambda item: item[0])
    return Creature(
        joints=plan.joints,
        parts=tuple(part for _, part in layers),
        ink=painter.ink,
    )


def _find_layer(joint: Joint, plan: BodyPlan) -> int:
    """Position of a part from back to front."""
    if plan.near and joint.side and joint.side != plan.near:
        return -1
    return _LAYERS[plan.view].index(joint.role)


class _Painter:
    """Gives the parts of one creature their shapes and colours.

    Args:
        plan (BodyPlan): The skeleton.
        rng (np.random.Generator): Stream of the category.
    """

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

    def paint(self, joint: Joint) -> list[Patch]:
        """Paint the part on the bone that ends in a joint."""
        # One shape for left and right, but not one look.
        kind = joint.name.replace('left_', '').replace('right_', '')
        if kind not in self._profiles:
            self._profiles[kind] = draw_profile(joint.role, self.rng)
        profile = self._profiles[kind]
        color, texture = self._take_look(joint)
        second = self._other_color(color)
        if joint.side and self.plan.near and joint.side != self.plan.near:
            color, second = shade(color, 0.7), shade(second, 0.7)

        # A wing or a leaf hangs from its bone to one side.
        scale = (1.0, 0.35) if joint.role == 'wing' else (1.0, 1.0)
        patches = [Patch(limb_outline(profile, scale=scale), color)]
        patches += draw_texture(texture, profile, second, self.rng)
        if joint.role == 'head':
            light = shade(self.mark_colors[0], 1.0)
            patches += draw_head(
                self.plan.view, (color, second, light), self.rng
            )
        elif joint.is_tip or self.rng.random() < 0.5:
            patches += self.mark()
        return patches

    def mark(self, fraction: float = 1.0) -> list[Patch]:
        """Paint a mark that no other joint has."""
        number, mark = self._marks.pop()
        colors = (self.mark_colors[number], self._other_color())
        size = self.rng.uniform(0.08, 0.13)
        return draw_mark(mark, size, colors, fraction)

    def _take_look(self, joint: Joint) -> tuple[Color, str]:
        """A colour and a texture; the trunk's colour is its own."""
        if joint.role == 'trunk':
            texture = TEXTURES[self.rng.integers(len(TEXTURES))]
            return self.palette[0], texture
        allowed = _THIN.get(joint.role, TEXTURES)
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
