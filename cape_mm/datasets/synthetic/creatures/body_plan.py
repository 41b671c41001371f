# Copyright (c) cape_mm contributors. All rights reserved.
"""Random skeletons: a spine, and limbs that grow from it.

Tables are in the creature's own frame: it looks along x, its back (side view)
or its left (view from above) is at negative y. Angles are in degrees, lengths
in body units; a trunk is about 1 long.
"""

from __future__ import annotations

from typing import NamedTuple, Tuple

import numpy as np

MIN_KEYPOINTS, MAX_KEYPOINTS = 6, 16
_Range = Tuple[float, float]


class Keypoint(NamedTuple):
    """One keypoint of a creature and the bone that carries it."""

    name: str  # unique within the creature
    parent: int  # at the other end of the bone, earlier; -1 for the root
    angle: float = 0.0  # at rest, radians in the image (x right, y down)
    length: float = 0.0  # body units
    swing: float = 0.0  # largest turn, radians
    side: str = ''  # 'left', 'right' or ''
    role: str = ''  # look of the bone, see anatomy.py
    is_tip: bool = False  # whether no other bone starts here


class _Limb(NamedTuple):
    """A limb, or a pair, that may grow from a keypoint of the spine."""

    name: str
    base: str
    role: str
    keypoints: tuple[str, ...]
    angle: _Range
    length: _Range
    bend: float = 28.0
    swing: float = 32.0
    paired: bool = True


class BodyPlan(NamedTuple):
    """The skeleton of a category."""

    view: str  # 'side' or 'top'
    near: str  # side of the body near the viewer of a side view, else ''
    keypoints: tuple[Keypoint, ...]  # 6 to 16, parents before children

    def is_far(self, keypoint: Keypoint) -> bool:
        """Whether a keypoint is on the far side of a side view."""
        return keypoint.side not in ('', self.near) and self.near != ''


# Bones of spines: name, parent, role, angle, length
_WALKING, _UPRIGHT = (
    (
        ('shoulders', '', 'trunk', (0, 0), (0, 0)),
        ('hips', 'shoulders', 'trunk', angle, length),
        ('head', 'shoulders', 'head', (-65, -10), (0.55, 0.9)),
        ('nose', 'head', 'snout', (-10, 35), (0.3, 0.42)),
    )
    for angle, length in (((168, 195), (0.9, 1.4)), ((100, 140), (0.8, 1.2)))
)
_ABOVE = (
    ('thorax', '', 'trunk', (0, 0), (0, 0)),
    ('head', 'thorax', 'head', (-8, 8), (0.55, 0.8)),
    ('waist', 'thorax', 'trunk', (174, 186), (0.6, 0.9)),
    ('rear', 'waist', 'trunk', (172, 188), (0.45, 0.7)),
)
# name, base, role, keypoints, angle, length, bend, swing, paired
_SIDE_LIMBS = tuple(_Limb(*row) for row in (
    ('foreleg', 'shoulders', 'leg', ('knee', 'paw'), (75, 95), (0.4, 0.6)),
    ('hindleg', 'hips', 'leg', ('knee', 'paw'), (80, 100), (0.4, 0.6)),
    ('ear', 'head', 'leaf', ('tip',), (-115, -85), (0.35, 0.6), 0, 20),
    ('horn', 'head', 'spike', ('mid', 'tip'), (-95, -65), (0.3, 0.4)),
    ('wing', 'shoulders', 'wing', ('mid', 'tip'), (-135, -105), (0.4, 0.7)),
    ('tail', 'hips', 'tail', ('base', 'mid', 'tip'), (145, 215), (0.35, 0.5),
     28, 32, False),
    ('crest', 'hips', 'leaf', ('tip',), (-110, -70), (0.4, 0.6), 0, 12, False),
    ('trunk', 'nose', 'tail', ('mid', 'tip'), (30, 75), (0.25, 0.4),
     28, 32, False),
))  # fmt: skip
_TOP_LIMBS = tuple(_Limb(*row) for row in (
    ('foreleg', 'thorax', 'leg', ('knee', 'foot'), (40, 62), (0.4, 0.65)),
    ('midleg', 'thorax', 'leg', ('knee', 'foot'), (90, 108), (0.4, 0.65)),
    ('hindleg', 'waist', 'leg', ('knee', 'foot'), (105, 130), (0.4, 0.65)),
    ('antenna', 'head', 'spike', ('mid', 'tip'), (20, 38), (0.3, 0.5)),
    ('pincer', 'head', 'claw', ('tip',), (58, 85), (0.45, 0.65), 0, 22),
    ('wing', 'thorax', 'wing', ('tip',), (122, 142), (0.9, 1.2), 0, 22),
    ('fin', 'rear', 'leaf', ('tip',), (75, 110), (0.4, 0.6), 0, 22),
    ('tail', 'rear', 'tail', ('base', 'mid', 'tip'), (165, 195), (0.35, 0.5),
     28, 32, False),
))  # fmt: skip


def draw_body_plan(rng: np.random.Generator) -> BodyPlan:
    """Skeleton of a category, with angles in the frame of the image."""
    view = 'side' if rng.random() < 0.6 else 'top'
    if view == 'top':
        spine, limbs, near, mirrored = _ABOVE, _TOP_LIMBS, '', False
        turn = 90 * rng.integers(4) + rng.uniform(-20, 20)
    else:
        spine = _WALKING if rng.random() < 0.7 else _UPRIGHT
        limbs = _SIDE_LIMBS
        # The left side of a creature that faces left is the near one.
        mirrored = bool(rng.random() < 0.5)
        near = 'left' if mirrored else 'right'
        turn = rng.uniform(-10, 10)

    names = [bone[0] for bone in spine]
    keypoints = []  # angles still in degrees, in the creature's own frame
    for name, parent, role, angle, length in spine:
        drawn = [rng.uniform(*limits) for limits in (angle, length, (9, 20))]
        index = names.index(parent) if parent else -1
        keypoints.append(Keypoint(name, index, *drawn, role=role))
    keypoints = _add_limbs(keypoints, limbs, near, rng)
    parents = {keypoint.parent for keypoint in keypoints}
    for index, keypoint in enumerate(keypoints):
        angle = 180 - keypoint.angle if mirrored else keypoint.angle
        keypoints[index] = keypoint._replace(
            angle=float(np.radians(angle + turn)),
            swing=float(np.radians(keypoint.swing)),
            is_tip=index not in parents,
        )
    return BodyPlan(view, near, tuple(keypoints))


def _add_limbs(
    spine: list[Keypoint],
    limbs: tuple[_Limb, ...],
    near: str,
    rng: np.random.Generator,
) -> list[Keypoint]:
    """A spine with random limbs, up to a random number of keypoints."""
    allowed = int(rng.integers(MIN_KEYPOINTS, MAX_KEYPOINTS + 1))
    keypoints = spine
    # A tail alone may leave too little room for a pair: draw again.
    while len(keypoints) < MIN_KEYPOINTS:
        keypoints = list(spine)
        order = rng.permutation(len(limbs))
        # Most have legs.
        later = [limb.role != 'leg' or rng.random() < 0.2 for limb in limbs]
        for number in sorted(order, key=later.__getitem__):
            limb = limbs[number]
            room = (allowed - len(keypoints)) // (2 if limb.paired else 1)
            if room >= 1:
                most = int(rng.integers(1, len(limb.keypoints) + 1))
                _add_limb(keypoints, limb, min(room, most), near, rng)
    return keypoints


def _add_limb(
    keypoints: list[Keypoint],
    limb: _Limb,
    count: int,
    near: str,
    rng: np.random.Generator,
) -> None:
    """Add the keypoints of one limb or pair, ``count`` bones each."""
    base = [keypoint.name for keypoint in keypoints].index(limb.base)
    angle = rng.uniform(*limb.angle)
    bends = np.append(0, rng.uniform(-limb.bend, limb.bend, size=count - 1))
    # A limb of few bones is about as long as one of many.
    stretch = (len(limb.keypoints) / count) ** 0.7
    lengths = rng.uniform(*limb.length, size=count) * stretch
    swing = limb.swing * rng.uniform(0.7, 1.0)
    # Near and far limb of a side view must not lie on one another.
    spread = rng.uniform(14, 22)

    names = (*limb.keypoints[: count - 1], limb.keypoints[-1])
    for side in ('left', 'right') if limb.paired else ('',):
        direction, sign, parent = angle, 1, base
        if side and near:
            direction += spread if side == near else -spread
        elif side == 'left':
            sign = -1
        for name, length, bend in zip(names, lengths.tolist(), bends):
            direction += bend
            name = f'{side}_{limb.name}_{name}'.lstrip('_')
            bone = (sign * direction, length, swing)
            keypoints.append(Keypoint(name, parent, *bone, side, limb.role))
            parent = len(keypoints) - 1
