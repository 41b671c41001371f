# Copyright (c) cape_mm contributors. All rights reserved.
"""Images of creatures in random poses, and what is visible in them."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from ..scenery import draw_background, draw_occluder, fill, stroke
from .anatomy import Creature

_OCCLUDER = 255
_MIN_LABELED = 4
_ASPECTS = ((1.0, 1.0), (1.0, 0.8), (0.8, 1.0))


class RenderedCreature(NamedTuple):
    """One instance of a category."""

    image: np.ndarray  # (H, W, 3), uint8, BGR
    keypoints_px: np.ndarray  # (K, 2), float64, pixels; 0 if unlabelled
    visible: np.ndarray  # (K,), int64: 0 unlabelled, 1 hidden, 2 visible
    bbox: tuple[int, int, int, int]  # x, y, w, h of the part in the image
    area: int  # pixels of the creature in the image, also hidden ones


class CreatureRenderer:
    """Renders instances of one category; longer side of images in pixels."""

    def __init__(self, creature: Creature, image_size: int) -> None:
        self.creature = creature
        self.image_size = image_size
        # All outlines as one array: one transform per instance.
        patches = [
            (number, part.keypoint, patch)
            for number, part in enumerate(creature.parts)
            for patch in part.patches
        ]
        lengths = [len(patch.outline) for _, _, patch in patches]
        self._corners = np.concatenate([p.outline for _, _, p in patches])
        self._bones = np.repeat([end for _, end, _ in patches], lengths)
        self._ends = np.cumsum(lengths)[:-1]
        self._patches = patches
        self._parents = np.array([k.parent for k in creature.keypoints])

    def render(self, rng: np.random.Generator) -> RenderedCreature:
        """Render an instance, the same for a stream at any image size."""
        aspect = np.array(_ASPECTS[rng.integers(len(_ASPECTS))])
        width, height = np.round(aspect * self.image_size).astype(int).tolist()
        keypoints, outlines, scale = self._place((width, height), rng)

        image = draw_background((width, height), rng)
        owner = self._draw(image, outlines, scale)
        body = cv2.boundingRect(owner)
        area = int(cv2.countNonZero(owner))
        if rng.random() < 0.25:
            center = keypoints[rng.integers(len(keypoints))]
            center = center + rng.uniform(-0.1, 0.1, size=2) * scale
            radius = rng.uniform(0.15, 0.4) * scale
            draw_occluder(image, owner, _OCCLUDER, center, radius, rng)
        visible = self._find_visible(keypoints, owner, rng)
        keypoints = np.where(visible[:, None] > 0, keypoints, 0.0)
        return RenderedCreature(
            _develop(image, rng), keypoints, visible, body, area
        )

    def _place(
        self, size: tuple[int, int], rng: np.random.Generator
    ) -> tuple[np.ndarray, list[np.ndarray], float]:
        """Keypoints (K, 2) and outlines in pixels, pixels per body unit."""
        keypoints = self._pose(rng)
        outlines = self._move_outlines(keypoints)
        low, high = outlines.min(axis=0), outlines.max(axis=0)
        extent = high - low
        scale = rng.uniform(0.65, 0.95) * (np.array(size) / extent).min()
        margin = np.array(size) - scale * extent
        # Now and then a part of the creature is outside.
        cut = 0.22 * scale * extent if rng.random() < 0.15 else np.zeros(2)
        corner = rng.uniform(-cut, margin + cut)
        keypoints = corner + scale * (keypoints - low)
        outlines = corner + scale * (outlines - low)
        return keypoints, np.split(outlines, self._ends), float(scale)

    def _pose(self, rng: np.random.Generator) -> np.ndarray:
        """Keypoints (K, 2) of a random pose, in body units."""
        rotation = np.radians(rng.uniform(-30, 30))
        count = len(self.creature.keypoints)
        turns = rng.uniform(-1, 1, size=count)
        stretches = rng.uniform(0.88, 1.12, size=count)
        keypoints = np.zeros((count, 2))
        bent = np.zeros(count)
        for index, keypoint in enumerate(self.creature.keypoints):
            if keypoint.parent < 0:
                continue
            # A bone takes over half of the turn of the bone before it.
            bent[index] = (
                0.5 * bent[keypoint.parent] + turns[index] * keypoint.swing
            )
            angle = keypoint.angle + bent[index] + rotation
            direction = np.array([np.cos(angle), np.sin(angle)])
            length = keypoint.length * stretches[index]
            keypoints[index] = keypoints[keypoint.parent] + length * direction
        return keypoints

    def _move_outlines(self, keypoints: np.ndarray) -> np.ndarray:
        """All corners of all patches, (V, 2) in body units."""
        starts = keypoints[self._parents]
        bones = keypoints - starts
        lengths = np.linalg.norm(bones, axis=1, keepdims=True)
        along = (bones / np.maximum(lengths, 1e-9))[self._bones]
        across = along[:, ::-1] * (-1, 1)
        fraction, forward, sideways = np.split(self._corners, 3, axis=1)
        moved = starts[self._bones] + fraction * bones[self._bones]
        return moved + forward * along + sideways * across

    def _draw(
        self, image: np.ndarray, outlines: list[np.ndarray], scale: float
    ) -> np.ndarray:
        """Draw all parts; (H, W), 1 + number of the part on top, or 0."""
        owner = np.zeros(image.shape[:2], np.uint8)
        ink, ink_width = self.creature.ink, max(1, int(round(0.02 * scale)))
        last = -1
        for (number, _, patch), outline in zip(self._patches, outlines):
            if number != last and ink is not None:
                stroke(image, outline, ink, 2 * ink_width, closed=True)
            last = number
            fill(image, outline, patch.color)
            fill(owner, outline, number + 1, smooth=False)
        return owner

    def _find_visible(
        self,
        keypoints: np.ndarray,
        owner: np.ndarray,
        rng: np.random.Generator,
    ) -> np.ndarray:
        """Which keypoints are labelled, and which of these are hidden."""
        height, width = owner.shape
        x, y = np.round(keypoints).astype(int).T
        inside = (x >= 0) & (y >= 0) & (x < width) & (y < height)
        labels = owner[np.clip(y, 0, height - 1), np.clip(x, 0, width - 1)]
        # The part that is visible at a keypoint must begin or end there.
        labels[labels == _OCCLUDER] = 0
        ends = np.array([0, *(part.keypoint for part in self.creature.parts)])
        bones = np.stack([ends, self._parents[ends]])[:, labels]
        is_own = (bones == np.arange(len(x))).any(axis=0) & (labels > 0)
        visible = np.where(inside, np.where(is_own, 2, 1), 0)
        # Annotators forget points; enough must be left to be of use.
        forgotten = rng.random(len(keypoints)) < 0.02
        if (inside & ~forgotten).sum() >= _MIN_LABELED:
            visible[forgotten] = 0
        return visible


def _develop(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Colour cast, contrast and brightness, and the grain of a camera."""
    gain = rng.uniform(0.8, 1.2) * rng.uniform(0.9, 1.1, size=3)
    offset = rng.uniform(-20, 12)
    levels = np.arange(256.0)[:, None] * gain + offset
    table = np.clip(levels, 0, 255).astype(np.uint8)[None]
    grain = rng.integers(0, 9, size=image.shape, dtype=np.uint8)
    return cv2.add(cv2.LUT(image, table), grain)
