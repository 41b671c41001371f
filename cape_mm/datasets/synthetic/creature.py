# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from dataclasses import dataclass
from typing import Tuple

import numpy as np

Color = Tuple[int, int, int]


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
class Patch:
    """One filled polygon of a part.

    Attributes:
        outline (np.ndarray): (M, 3) float64; each point is a fraction of the
            bone, plus an offset along it and one across it in body units. So
            round ends stay round when a bone is longer or shorter.
        color (Color): Blue, green, red.
    """

    outline: np.ndarray
    color: Color


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
