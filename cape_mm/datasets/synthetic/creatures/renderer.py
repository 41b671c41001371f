# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from ..scenery import SHIFT, draw_background, draw_occluder, fill
from .anatomy import Creature

_OCCLUDER = 255
_MIN_LABELED = 4
_ASPECTS = ((1.0, 1.0), (1.0, 0.8), (0.8, 1.0))


class RenderedCreature(NamedTuple):
    """One instance of a category.

    Attributes:
        image (np.ndarray): (H, W, 3) uint8, BGR.
        keypoints_px (np.ndarray): (K, 2) float64 x, y in the image; 0 where
            not labelled.
        visible (np.ndarray): (K,) int64; 0 not labelled, 1 hidden, 2 visible.
        bbox (Tuple[int, int, int, int]): x, y, width, height in pixels of
            what lies in the image.
        area (int): Pixels of the creature in the image, also hidden ones.
    """

    image: np.ndarray
    keypoints_px: np.ndarray
    visible: np.ndarray
    bbox: tuple[int, int, int, int]
    area: int


class CreatureRenderer:
    """Draws instances of one category.

    Args:
        creature (Creature): The category.
        image_size (int): Longer side of the images in pixels.
    """

    def __init__(self, creature: Creature, image_size: int) -> None:
        self.creature = creature
        self.image_size = image_size
        # All outlines as one array: one transform per instance.
        patches = [
            (number, part.joint, patch)
            for number, part in enumerate(creature.parts)
            for patch in part.patches
        ]
        lengths = [len(patch.outline) for _, _, patch in patches]
        self._corners = np.concatenate([p.outline for _, _, p in patches])
        self._bones = np.repeat([joint for _, joint, _ in patches], lengths)
        self._ends = np.cumsum(lengths)[:-1]
        self._patches = patches

    def render(self, rng: np.random.Generator) -> RenderedCreature:
        """Draw an instance.

        Args:
            rng (np.random.Generator): Stream of the instance. Images of
                another size show the same instance.

        Returns:
            RenderedCreature: Image and annotation.
        """
        aspect = np.array(_ASPECTS[rng.integers(len(_ASPECTS))])
        width, height = np.round(aspect * self.image_size).astype(int).tolist()
        joints, outlines, scale = self._place((width, height), rng)

        image = draw_background((width, height), rng)
        owner = np.zeros((height, width), np.uint8)
        self._draw(image, owner, outlines, scale)
        body = cv2.boundingRect(owner)
        area = int(cv2.countNonZero(owner))
        if rng.random() < 0.25:
            center = joints[rng.integers(len(joints))]
            center = center + rng.uniform(-0.1, 0.1, size=2) * scale
            radius = rng.uniform(0.15, 0.4) * scale
            draw_occluder(image, owner, _OCCLUDER, center, radius, rng)
        visible = self._find_visible(joints, owner, rng)
        joints = np.where(visible[:, None] > 0, joints, 0.0)
        return RenderedCreature(
            _develop(image, rng), joints, visible, body, area
        )

    def _place(
        self, size: tuple[int, int], rng: np.random.Generator
    ) -> tuple[np.ndarray, list[np.ndarray], float]:
        """Pose the creature and put it into the image.

        Returns:
            Tuple[np.ndarray, List[np.ndarray], float]: (K, 2) joints and the
            (M, 2) outlines of the patches in pixels, pixels per body unit.
        """
        joints = self._pose(rng)
        outlines = self._move_outlines(joints)
        low, high = outlines.min(axis=0), outlines.max(axis=0)
        extent = high - low
        scale = rng.uniform(0.65, 0.95) * (np.array(size) / extent).min()
        margin = np.array(size) - scale * extent
        # Now and then a part of the creature is outside.
        cut = 0.22 * scale * extent if rng.random() < 0.15 else np.zeros(2)
        corner = rng.uniform(-cut, margin + cut)
        joints = corner + scale * (joints - low)
        outlines = corner + scale * (outlines - low)
        return joints, np.split(outlines, self._ends), float(scale)

    def _pose(self, rng: np.random.Generator) -> np.ndarray:
        """Random joint angles; (K, 2) joints in body units."""
        rotation = np.radians(rng.uniform(-30, 30))
        count = len(self.creature.joints)
        turns = rng.uniform(-1, 1, size=count)
        stretches = rng.uniform(0.88, 1.12, size=count)
        joints = np.zeros((count, 2))
        bent = np.zeros(count)
        for index, joint in enumerate(self.creature.joints):
            if joint.parent < 0:
                continue
            # A bone takes over half of the turn of the bone before it.
            bent[index] = 0.5 * bent[joint.parent] + turns[index] * joint.swing
            angle = joint.angle + bent[index] + rotation
            direction = np.array([np.cos(angle), np.sin(angle)])
            length = joint.length * stretches[index]
            joints[index] = joints[joint.parent] + length * direction
        return joints

    def _move_outlines(self, joints: np.ndarray) -> np.ndarray:
        """All corners of all patches, (V, 2) in body units."""
        parents = np.array([joint.parent for joint in self.creature.joints])
        bones = joints - joints[parents]
        lengths = np.linalg.norm(bones, axis=1, keepdims=True)
        along = (bones / np.maximum(lengths, 1e-9))[self._bones]
        across = along[:, ::-1] * (-1, 1)
        fraction, forward, sideways = np.split(self._corners, 3, axis=1)
        start = joints[parents][self._bones]
        moved = start + fraction * bones[self._bones]
        return moved + forward * along + sideways * across

    def _draw(
        self,
        image: np.ndarray,
        owner: np.ndarray,
        outlines: list[np.ndarray],
        scale: float,
    ) -> None:
        """Draw all parts; ``owner`` gets 1 + number of the part on top."""
        ink_width = max(1, int(round(0.02 * scale)))
        last = -1
        for (number, _, patch), outline in zip(self._patches, outlines):
            if number != last and self.creature.ink is not None:
                corners = np.round(outline * (1 << SHIFT)).astype(np.int32)
                cv2.polylines(
                    image, [corners], True, self.creature.ink,
                    2 * ink_width, cv2.LINE_AA, SHIFT,
                )  # fmt: skip
            last = number
            fill(image, outline, patch.color)
            fill(owner, outline, number + 1, smooth=False)

    def _find_visible(
        self, joints: np.ndarray, owner: np.ndarray, rng: np.random.Generator
    ) -> np.ndarray:
        """Which joints are labelled, and which of these are hidden."""
        height, width = owner.shape
        x, y = np.round(joints).astype(int).T
        inside = (x >= 0) & (y >= 0) & (x < width) & (y < height)
        seen = owner[np.clip(y, 0, height - 1), np.clip(x, 0, width - 1)]
        visible = np.full(len(joints), 2)
        for index in range(len(joints)):
            if not self._belongs(index, int(seen[index])):
                visible[index] = 1
        visible[~inside] = 0
        # Annotators forget points; enough must be left to be of use.
        forgotten = rng.random(len(joints)) < 0.02
        if (inside & ~forgotten).sum() >= _MIN_LABELED:
            visible[forgotten] = 0
        return visible

    def _belongs(self, joint: int, seen: int) -> bool:
        """Whether the part that is seen at a joint has the joint."""
        if seen in (0, _OCCLUDER):
            return False
        end = self.creature.parts[seen - 1].joint
        return joint in (end, self.creature.joints[end].parent)


def _develop(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Colour cast, contrast and brightness, and the grain of a camera."""
    gain = rng.uniform(0.8, 1.2) * rng.uniform(0.9, 1.1, size=3)
    offset = rng.uniform(-20, 12)
    levels = np.arange(256.0)[:, None] * gain + offset
    table = np.clip(levels, 0, 255).astype(np.uint8)[None]
    grain = rng.integers(0, 9, size=image.shape, dtype=np.uint8)
    return cv2.add(cv2.LUT(image, table), grain)
