# Copyright (c) cape_mm contributors. All rights reserved.
"""Smooth outlines, and what a piece of a cephalogram is made of."""

from __future__ import annotations

from typing import NamedTuple, Sequence

import numpy as np


class Piece(NamedTuple):
    """Something in the way of the rays.

    Attributes:
        outline (np.ndarray): (M, 2) float64 x, y in millimetres.
        density (float): What it adds to the attenuation; negative for air.
        width (float): Width of the line along the outline in millimetres; 0
            for an area, which is the inside of the closed outline.
        closed (bool): Whether a line returns to its start.
        blur (float): Softness of the border in millimetres.
    """

    outline: np.ndarray
    density: float
    width: float = 0.0
    closed: bool = False
    blur: float = 0.0


def smooth(
    points: Sequence[np.ndarray], closed: bool = False, steps: int = 6
) -> np.ndarray:
    """Draw a smooth curve through points (a Catmull-Rom spline).

    In each inner point the curve is parallel to the line between its
    neighbours: a point is the extreme one along the normal of that line.

    Args:
        points (Sequence[np.ndarray]): (2,) each.
        closed (bool): Whether to return to the first point.
        steps (int): Points per stretch. Defaults to 6.

    Returns:
        np.ndarray: (M, 2); the given points are among them.
    """
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
    radii: tuple[float, float],
    turn: float = 0.0,
    arc: tuple[float, float] = (0.0, 360.0),
) -> np.ndarray:
    """Draw an ellipse or an arc of it.

    Args:
        center (np.ndarray): (2,).
        radii (Tuple[float, float]): Along its first and second axis.
        turn (float): Of the axes, degrees clockwise as seen. Defaults to 0.
        arc (Tuple[float, float]): From where to where, degrees clockwise as
            seen; 0 is to the right, 90 down. Defaults to all.

    Returns:
        np.ndarray: (M, 2).
    """
    angle = np.radians(np.arange(arc[0], arc[1] + 1, 10.0))
    points = np.stack([radii[0] * np.cos(angle), radii[1] * np.sin(angle)])
    cos, sin = np.cos(np.radians(turn)), np.sin(np.radians(turn))
    return center + (np.array([[cos, -sin], [sin, cos]]) @ points).T


def blend(start: np.ndarray, end: np.ndarray, fraction: float) -> np.ndarray:
    """Go a fraction of the way from a point to another.

    Args:
        start (np.ndarray): (2,).
        end (np.ndarray): (2,).
        fraction (float): 0 at the start, 1 at the end.

    Returns:
        np.ndarray: (2,).
    """
    return start + fraction * (end - start)


def leave(
    start: np.ndarray, end: np.ndarray, fraction: float, distance: float
) -> np.ndarray:
    """Go a fraction of the way, and then to the left of it as seen.

    Args:
        start (np.ndarray): (2,).
        end (np.ndarray): (2,).
        fraction (float): 0 at the start, 1 at the end.
        distance (float): Millimetres to the left, negative to the right.

    Returns:
        np.ndarray: (2,).
    """
    x, y = (end - start) / np.linalg.norm(end - start)
    return blend(start, end, fraction) + distance * np.array([y, -x])
