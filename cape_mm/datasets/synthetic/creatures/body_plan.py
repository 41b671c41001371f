# Copyright (c) cape_mm contributors. All rights reserved.
"""Random skeletons: a spine, and limbs that grow from it.

Tables are in the creature's own frame: it looks along x, its back (side view)
or its left (seen from above) is at negative y. Angles are in degrees, lengths
in body units; a trunk is about 1 long.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Tuple

import numpy as np

MIN_JOINTS, MAX_JOINTS = 6, 16
_Range = Tuple[float, float]


@dataclass(frozen=True)
class Joint:
    """One keypoint of a creature and the bone that carries it.

    Attributes:
        name (str): Name, unique within the creature.
        parent (int): Index of the joint at the other end of the bone, smaller
            than the own index; -1 for the root.
        angle (float): Direction of the bone at rest, radians in the image
            (x right, y down).
        length (float): Length of the bone in body units.
        swing (float): How far the bone turns at most, radians.
        side (str): ``'left'``, ``'right'`` or ``''``.
        role (str): What the bone looks like, a key of
            :data:`cape_mm.datasets.synthetic.part_shapes.SHAPES`.
        is_tip (bool): Whether no other bone starts here.
    """

    name: str
    parent: int
    angle: float = 0.0
    length: float = 0.0
    swing: float = 0.0
    side: str = ''
    role: str = ''
    is_tip: bool = False


@dataclass(frozen=True)
class _Bone:
    """A bone of the spine."""

    name: str
    parent: str
    role: str
    angle: _Range = (0.0, 0.0)
    length: _Range = (0.0, 0.0)


@dataclass(frozen=True)
class _Limb:
    """A limb, or a pair, that may grow from a joint of the spine."""

    name: str
    base: str
    role: str
    joints: tuple[str, ...]
    angle: _Range
    length: _Range
    bend: float = 28.0
    swing: float = 32.0
    paired: bool = True


@dataclass(frozen=True)
class BodyPlan:
    """The skeleton of a category.

    Attributes:
        view (str): ``'side'`` or ``'top'``, from where one sees it.
        near (str): The side of the body, ``'left'`` or ``'right'``, that is
            near the viewer of a side view; else ``''``.
        joints (Tuple[Joint, ...]): 6 to 16, parents before their children.
    """

    view: str
    near: str
    joints: tuple[Joint, ...]


_HEAD = (
    _Bone('head', 'shoulders', 'head', (-65, -10), (0.55, 0.9)),
    _Bone('nose', 'head', 'snout', (-10, 35), (0.3, 0.42)),
)
_WALKING = (
    _Bone('shoulders', '', 'trunk'),
    _Bone('hips', 'shoulders', 'trunk', (168, 195), (0.9, 1.4)),
    *_HEAD,
)
_UPRIGHT = (
    _Bone('shoulders', '', 'trunk'),
    _Bone('hips', 'shoulders', 'trunk', (100, 140), (0.8, 1.2)),
    *_HEAD,
)
_SIDE_LIMBS = (
    _Limb(
        'foreleg', 'shoulders', 'leg', ('knee', 'paw'), (75, 95), (0.4, 0.6)
    ),
    _Limb('hindleg', 'hips', 'leg', ('knee', 'paw'), (80, 100), (0.4, 0.6)),
    _Limb('ear', 'head', 'leaf', ('tip',), (-115, -85), (0.35, 0.6), 0, 20),
    _Limb('horn', 'head', 'spike', ('mid', 'tip'), (-95, -65), (0.3, 0.4)),
    _Limb(
        'wing', 'shoulders', 'wing', ('mid', 'tip'), (-135, -105), (0.4, 0.7)
    ),
    _Limb(
        'tail',
        'hips',
        'tail',
        ('base', 'mid', 'tip'),
        (145, 215),
        (0.35, 0.5),
        paired=False,
    ),
    _Limb(
        'crest',
        'hips',
        'leaf',
        ('tip',),
        (-110, -70),
        (0.4, 0.6),
        0,
        12,
        False,
    ),
    _Limb(
        'trunk',
        'nose',
        'tail',
        ('mid', 'tip'),
        (30, 75),
        (0.25, 0.4),
        paired=False,
    ),
)

_ABOVE = (
    _Bone('thorax', '', 'trunk'),
    _Bone('head', 'thorax', 'head', (-8, 8), (0.55, 0.8)),
    _Bone('waist', 'thorax', 'trunk', (174, 186), (0.6, 0.9)),
    _Bone('rear', 'waist', 'trunk', (172, 188), (0.45, 0.7)),
)
_TOP_LIMBS = (
    _Limb('foreleg', 'thorax', 'leg', ('knee', 'foot'), (40, 62), (0.4, 0.65)),
    _Limb('midleg', 'thorax', 'leg', ('knee', 'foot'), (90, 108), (0.4, 0.65)),
    _Limb(
        'hindleg', 'waist', 'leg', ('knee', 'foot'), (105, 130), (0.4, 0.65)
    ),
    _Limb('antenna', 'head', 'spike', ('mid', 'tip'), (20, 38), (0.3, 0.5)),
    _Limb('pincer', 'head', 'claw', ('tip',), (58, 85), (0.45, 0.65), 0, 22),
    _Limb('wing', 'thorax', 'wing', ('tip',), (122, 142), (0.9, 1.2), 0, 22),
    _Limb('fin', 'rear', 'leaf', ('tip',), (75, 110), (0.4, 0.6), 0, 22),
    _Limb(
        'tail',
        'rear',
        'tail',
        ('base', 'mid', 'tip'),
        (165, 195),
        (0.35, 0.5),
        paired=False,
    ),
)


def draw_body_plan(rng: np.random.Generator) -> BodyPlan:
    """Draw the skeleton of a category.

    Args:
        rng (np.random.Generator): Stream of the category.

    Returns:
        BodyPlan: The skeleton, angles in the image's frame.
    """
    view = 'side' if rng.random() < 0.6 else 'top'
    if view == 'top':
        spine, limbs, near, mirrored = _ABOVE, _TOP_LIMBS, '', False
        turn = 90 * rng.integers(4) + rng.uniform(-20, 20)
    else:
        spine = _WALKING if rng.random() < 0.7 else _UPRIGHT
        limbs = _SIDE_LIMBS
        # One sees the left side of what looks to the left.
        mirrored = bool(rng.random() < 0.5)
        near = 'left' if mirrored else 'right'
        turn = rng.uniform(-10, 10)

    joints = [_draw_spine_joint(bone, spine, rng) for bone in spine]
    base = {joint.name: index for index, joint in enumerate(joints)}
    joints += _draw_limbs(limbs, base, near, rng)
    parents = {joint.parent for joint in joints}
    placed = []
    for index, joint in enumerate(joints):
        angle = 180 - joint.angle if mirrored else joint.angle
        placed.append(
            replace(
                joint,
                angle=float(np.radians(angle + turn)),
                swing=float(np.radians(joint.swing)),
                is_tip=index not in parents,
            )
        )
    return BodyPlan(view, near, tuple(placed))


def _draw_spine_joint(
    bone: _Bone, spine: tuple[_Bone, ...], rng: np.random.Generator
) -> Joint:
    """A joint of the spine; angles still in degrees, in the own frame."""
    names = [other.name for other in spine]
    return Joint(
        name=bone.name,
        parent=names.index(bone.parent) if bone.parent else -1,
        angle=rng.uniform(*bone.angle),
        length=rng.uniform(*bone.length),
        swing=rng.uniform(9, 20),
        role=bone.role,
    )


def _draw_limbs(
    limbs: tuple[_Limb, ...],
    base: dict[str, int],
    near: str,
    rng: np.random.Generator,
) -> list[Joint]:
    """Limbs of random kinds, as many as the drawn number of joints allows."""
    wanted = int(rng.integers(MIN_JOINTS, MAX_JOINTS + 1)) - len(base)
    joints: list[Joint] = []
    # A tail alone may leave too little room for a pair: draw again.
    while len(joints) + len(base) < MIN_JOINTS:
        joints = []
        order = rng.permutation(len(limbs))
        # Most have legs.
        later = [limb.role != 'leg' or rng.random() < 0.2 for limb in limbs]
        for number in sorted(order, key=later.__getitem__):
            limb = limbs[number]
            room = (wanted - len(joints)) // (2 if limb.paired else 1)
            if room < 1:
                continue
            count = min(room, int(rng.integers(1, len(limb.joints) + 1)))
            start = len(base) + len(joints)
            joints += _draw_limb(limb, count, base, start, near, rng)
    return joints


def _draw_limb(
    limb: _Limb,
    count: int,
    base: dict[str, int],
    start: int,
    near: str,
    rng: np.random.Generator,
) -> list[Joint]:
    """The joints of one limb or pair, ``count`` bones each."""
    angle = rng.uniform(*limb.angle)
    bends = np.append(0, rng.uniform(-limb.bend, limb.bend, size=count - 1))
    # A limb of few bones is about as long as one of many.
    stretch = (len(limb.joints) / count) ** 0.7
    lengths = rng.uniform(*limb.length, size=count) * stretch
    swing = limb.swing * rng.uniform(0.7, 1.0)
    # Near and far limb of a side view must not lie on one another.
    spread = rng.uniform(14, 22)

    names = (*limb.joints[: count - 1], limb.joints[-1])
    joints: list[Joint] = []
    for side in ('left', 'right') if limb.paired else ('',):
        direction, sign = angle, 1
        if side and near:
            direction += spread if side == near else -spread
        elif side == 'left':
            sign = -1
        parent = base[limb.base]
        for name, length, bend in zip(names, lengths, bends):
            direction += bend
            joints.append(
                Joint(
                    name='_'.join(
                        part for part in (side, limb.name, name) if part
                    ),
                    parent=parent,
                    angle=sign * direction,
                    length=float(length),
                    swing=swing,
                    side=side,
                    role=limb.role,
                )
            )
            parent = start + len(joints) - 1
    return joints
