# Copyright (c) cape_mm contributors. All rights reserved.
"""How a camera moves over a still image, for clips made of images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class PseudoMotion:
    """Limits of the motion.

    Attributes:
        rotation (float): Largest turn from frame to frame, in degrees.
        shift (float): Largest shift from frame to frame, as a share of width
            and height.
        scale (float): Largest growth from frame to frame, as a share.
        shake (float): How much of that each frame may differ from an even
            motion, as a share.
    """

    rotation: float
    shift: float
    scale: float
    shake: float

    def draw(
        self, num_frames: int, still: int, rng: np.random.Generator
    ) -> np.ndarray:
        """Draw the motion of a clip.

        Args:
            num_frames (int): U.
            still (int): Which frame shows the image as it is.
            rng (np.random.Generator): Generator of the clip.

        Returns:
            np.ndarray: (U, 4) moves for :func:`move_matrix`.
        """
        limits = np.array(
            [np.deg2rad(self.rotation), self.shift, self.shift, self.scale]
        )
        speed = rng.uniform(-limits, limits)
        shaken = rng.uniform(-limits, limits, size=(num_frames, 4))
        shaken[still] = 0
        time = np.arange(num_frames) - still
        return time[:, None] * speed + self.shake * shaken


def move_matrix(move: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Turn a move into a map from the image to the frame.

    Args:
        move (np.ndarray): (4,) angle about the middle in radians, shift along
            x and y as a share of width and height, logarithm of the growth.
        size (Tuple[int, int]): Width and height in pixels.

    Returns:
        np.ndarray: (3, 3), of coordinates that have the corner of the first
        pixel at (0, 0).
    """
    angle, *shares, growth = move
    middle = np.array(size) / 2
    cos, sin = np.exp(growth) * np.array([np.cos(angle), np.sin(angle)])
    matrix = np.eye(3)
    matrix[:2, :2] = [[cos, -sin], [sin, cos]]
    matrix[:2, 2] = middle + shares * np.array(size) - matrix[:2, :2] @ middle
    return matrix
