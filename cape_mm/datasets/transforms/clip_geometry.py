# Copyright (c) cape_mm contributors. All rights reserved.
"""Steps of a clip's geometry: each changes one matrix, none the images.

``clip_matrix`` (3, 3) maps original to current coordinates, both with the
corner of the first pixel at (0, 0), and ``clip_size`` is the current width and
height. ``WarpClip`` comes last and applies the matrix to all frames at once:
so all frames have the same geometry, and are interpolated once.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Sequence, Tuple, Union

import numpy as np

from cape_mm.registry import TRANSFORMS

from ..pipeline import SampleTransform, build_transforms

Range = Union[int, Tuple[int, int]]
Size = Tuple[int, int]
Step = Tuple[np.ndarray, Size]


def shift_by(x: float, y: float) -> np.ndarray:
    """The matrix (3, 3) that moves by x, y."""
    return np.array([[1.0, 0, x], [0, 1.0, y], [0, 0, 1.0]])


def turn_matrix(
    angle: float, factor: float, shares: np.ndarray, size: Size
) -> np.ndarray:
    """The matrix (3, 3) that turns, scales and shifts about the middle.

    Angle in radians, shift (2,) as shares of width and height.
    """
    width, height = size
    cos, sin = factor * np.cos(angle), factor * np.sin(angle)
    turn = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1.0]])
    there = shift_by(width * (0.5 + shares[0]), height * (0.5 + shares[1]))
    return there @ turn @ shift_by(-width / 2, -height / 2)


def move_matrix(move: np.ndarray, size: Size) -> np.ndarray:
    """Turn a move (4,) of the camera into a matrix (3, 3) of pixels.

    The move is the angle about the middle in radians, the shift along x and y
    as a share of width and height, and the logarithm of the growth.
    """
    angle, *shares, growth = move
    return turn_matrix(angle, np.exp(growth), shares, size)


class ClipStep(SampleTransform):
    """Base of the steps of a clip's geometry; see the module."""

    def transform(self, results: dict) -> dict:
        """Add the step to the clip's geometry."""
        size = results['clip_size']
        step, (width, height) = self.make_step(size, results)
        results['clip_matrix'] = step @ results['clip_matrix']
        results['clip_size'] = (int(width), int(height))
        return results

    @abstractmethod
    def make_step(self, size: Size, results: dict) -> Step:
        """Matrix (3, 3) from current to new coordinates, and the new size."""


@TRANSFORMS.register_module()
class RandomClipFlip(ClipStep):
    """Mirror the clip left to right at random.

    ``WarpClip`` exchanges the labels of left and right keypoints then.

    Args:
        prob (float): Probability. Defaults to 0.5.
    """

    def __init__(self, prob: float = 0.5) -> None:
        self.prob = prob

    def make_step(self, size: Size, results: dict) -> Step:
        """See :class:`ClipStep`."""
        rng = self.generator(results)
        if rng.random() >= self.prob:
            return np.eye(3), size
        step = np.array([[-1.0, 0, size[0]], [0, 1.0, 0], [0, 0, 1.0]])
        return step, size


@TRANSFORMS.register_module()
class RandomClipAffine(ClipStep):
    """Rotate, scale and shift the clip about its middle at random.

    Args:
        rotation (float): Largest angle in degrees. Defaults to 30.
        scale (tuple[float, float]): Range of the factor. Defaults to (1, 1).
        shift (float): Largest shift as a share of width and height. Defaults
            to 0.
    """

    def __init__(
        self,
        rotation: float = 30.0,
        scale: tuple[float, float] = (1.0, 1.0),
        shift: float = 0.0,
    ) -> None:
        self.rotation = rotation
        self.scale = scale
        self.shift = shift

    def make_step(self, size: Size, results: dict) -> Step:
        """See :class:`ClipStep`."""
        rng = self.generator(results)
        angle = np.deg2rad(rng.uniform(-self.rotation, self.rotation))
        factor = rng.uniform(*self.scale)
        shares = rng.uniform(-self.shift, self.shift, size=2)
        return turn_matrix(angle, factor, shares, size), size


@TRANSFORMS.register_module()
class ClipResize(ClipStep):
    """Resize the clip, with its aspect ratio kept, to fit two limits.

    The longer edge gets at most ``long_edge``, the shorter at most
    ``short_edge``. A range is drawn from uniformly.

    Args:
        long_edge (int | tuple[int, int]): Pixels, or the smallest and largest
            number of them.
        short_edge (int | tuple[int, int]): The same.
    """

    def __init__(self, long_edge: Range, short_edge: Range) -> None:
        self.long_edge = long_edge
        self.short_edge = short_edge

    def make_step(self, size: Size, results: dict) -> Step:
        """See :class:`ClipStep`."""
        limits = []
        for edge in (self.long_edge, self.short_edge):
            if not isinstance(edge, int):
                rng = self.generator(results)
                edge = int(rng.integers(edge[0], edge[1] + 1))
            limits.append(edge)
        width, height = size
        factor = min(
            max(limits) / max(width, height), min(limits) / min(width, height)
        )
        new = tuple(max(1, int(side * factor + 0.5)) for side in size)
        return np.diag([new[0] / width, new[1] / height, 1.0]), new


@TRANSFORMS.register_module()
class ClipFit(ClipStep):
    """Fit the clip into an input of fixed size, in the middle, undistorted.

    Args:
        input_size (tuple[int, int]): Width and height in pixels.
    """

    def __init__(self, input_size: tuple[int, int]) -> None:
        self.input_size = tuple(input_size)

    def make_step(self, size: Size, results: dict) -> Step:
        """See :class:`ClipStep`."""
        factor = (self.input_size / np.array(size, np.float64)).min()
        margin = (np.array(self.input_size) - factor * np.array(size)) / 2
        step = shift_by(*margin) @ np.diag([factor, factor, 1.0])
        return step, self.input_size


@TRANSFORMS.register_module()
class RandomClipCrop(ClipStep):
    """Cut a rectangle of random size out of the clip, at a random place.

    Args:
        size_range (tuple[int, int]): Smallest and largest side in pixels;
            width and height are drawn independently and are at most those of
            the clip.
    """

    def __init__(self, size_range: tuple[int, int]) -> None:
        self.size_range = tuple(size_range)

    def make_step(self, size: Size, results: dict) -> Step:
        """See :class:`ClipStep`."""
        rng = self.generator(results)
        new_size, corner = [], []
        for side in size:
            low, high = (min(side, limit) for limit in self.size_range)
            new_size.append(int(rng.integers(low, high + 1)))
            corner.append(int(rng.integers(side - new_size[-1] + 1)))
        return shift_by(-corner[0], -corner[1]), tuple(new_size)


@TRANSFORMS.register_module()
class RandomClipPolicy(SampleTransform):
    """Apply one of several lists of steps, chosen at random.

    Args:
        policies (Sequence[Sequence[dict]]): Lists of transforms, all equally
            likely.
    """

    def __init__(self, policies: Sequence[Sequence[dict]]) -> None:
        self.policies = [build_transforms(policy) for policy in policies]

    def transform(self, results: dict) -> dict:
        """Apply the steps of one policy."""
        rng = self.generator(results)
        for step in self.policies[rng.integers(len(self.policies))]:
            results = step(results)
        return results
