# Copyright (c) cape_mm contributors. All rights reserved.
"""Smooth outlines, and pieces of a cephalogram that they bound."""

from __future__ import annotations

from typing import NamedTuple, Sequence

import numpy as np


class Piece(NamedTuple):
    """Something in the way of the rays: an area, or a line of some width.

    ``outline`` (M, 2), float64, x, y; ``width`` (0 for an area) and ``blur``
    in millimetres; ``density`` is the added attenuation, negative for air.
    """

    outline: np.ndarray
    density: float
    width: float = 0.0
    closed: bool = False
    blur: float = 0.0


def smooth(
    points: Sequence[np.ndarray], closed: bool = False, steps: int = 6
) -> np.ndarray:
    """Catmull-Rom spline (M, 2) through points, ``steps`` per stretch."""
    knots = np.asarray(points, dtype=np.float64)
    if closed:
        knots = np.concatenate([knots[-1:], knots, knots[:2]])
    else:
        first, last = 2 * knots[0] - knots[1], 2 * knots[-1] - knots[-2]
        knots = np.concatenate([first[None], knots, last[None]])
    t = np.arange(steps)[:, None, None] / steps
    a, b, c, d = knots[:-3], knots[1:-2], knots[2:-1], knots[3:]
    curve = 0.5 * (
        2 * b
        + (c - a) * t
        + (2 * a - 5 * b + 4 * c - d) * t**2
        + (3 * b - 3 * c + d - a) * t**3
    )
    curve = curve.transpose(1, 0, 2).reshape(-1, 2)
    return curve if closed else np.concatenate([curve, knots[-2:-1]])


def ellipse(
    center: np.ndarray,
    radii: Sequence[float],
    turn: float = 0.0,
    arc: tuple[float, float] = (0.0, 360.0),
) -> np.ndarray:
    """Ellipse or arc (M, 2); angles in degrees, clockwise from the right."""
    angle = np.radians(np.arange(arc[0], arc[1] + 1, 10.0))
    points = np.stack([radii[0] * np.cos(angle), radii[1] * np.sin(angle)])
    cos, sin = np.cos(np.radians(turn)), np.sin(np.radians(turn))
    return center + (np.array([[cos, -sin], [sin, cos]]) @ points).T


def blend(start: np.ndarray, end: np.ndarray, fraction: float) -> np.ndarray:
    """Point at a fraction of the way from one point to another."""
    return start + fraction * (end - start)


def normal(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Unit vector (2,) to the left of the way from one point to another."""
    x, y = (end - start) / np.linalg.norm(end - start)
    return np.array([y, -x])


def leave(
    start: np.ndarray, end: np.ndarray, fraction: float, distance: float
) -> np.ndarray:
    """Point at a fraction of the way, and then some way to its left."""
    return blend(start, end, fraction) + distance * normal(start, end)


def beside(
    start: np.ndarray, end: np.ndarray, table: Sequence[tuple]
) -> np.ndarray:
    """Points (M, 2) of a table of fractions and distances to the left."""
    return np.array([leave(start, end, *entry) for entry in table])
