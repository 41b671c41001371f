# Copyright (c) cape_mm contributors. All rights reserved.
"""Angles and distances in an image: x to the right, y down.

All functions take vectors or points of shape (..., 2) and are NaN where a
vector has no length.
"""

from __future__ import annotations

import numpy as np


def cross(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Cross product of two vectors.

    Args:
        first (np.ndarray): (..., 2).
        second (np.ndarray): (..., 2).

    Returns:
        np.ndarray: (...); positive if the second lies clockwise, as seen, of
        the first.
    """
    return first[..., 0] * second[..., 1] - first[..., 1] * second[..., 0]


def length(vector: np.ndarray) -> np.ndarray:
    """Length of a vector.

    Args:
        vector (np.ndarray): (..., 2).

    Returns:
        np.ndarray: (...), in the unit of the vector.
    """
    return np.hypot(vector[..., 0], vector[..., 1])


def signed_angle(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Angle by which the first vector must turn to point as the second.

    Args:
        first (np.ndarray): (..., 2).
        second (np.ndarray): (..., 2).

    Returns:
        np.ndarray: (...) degrees in [-180, 180], positive clockwise as seen.
    """
    dot = (first * second).sum(axis=-1)
    # without arccos, which is blunt near 0 and 180 degrees
    angle = np.degrees(np.arctan2(cross(first, second), dot))
    is_defined = (length(first) > 0) & (length(second) > 0)
    return np.where(is_defined, angle, np.nan)


def unsigned_angle(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Angle between two vectors.

    Args:
        first (np.ndarray): (..., 2).
        second (np.ndarray): (..., 2).

    Returns:
        np.ndarray: (...) degrees in [0, 180].
    """
    return np.abs(signed_angle(first, second))


def distance_in_front(
    point: np.ndarray, upper: np.ndarray, lower: np.ndarray
) -> np.ndarray:
    """Signed distance of a point from a line.

    Args:
        point (np.ndarray): (..., 2).
        upper (np.ndarray): (..., 2) point of the line.
        lower (np.ndarray): (..., 2) another one, further down.

    Returns:
        np.ndarray: (...); positive to the right of the line, which is to the
        front of a face that looks to the right.
    """
    return _divide(cross(point - upper, lower - upper), length(lower - upper))


def distance_along(vector: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """Signed length of a vector's projection onto a direction.

    Args:
        vector (np.ndarray): (..., 2).
        direction (np.ndarray): (..., 2) of any length.

    Returns:
        np.ndarray: (...), in the unit of the vector.
    """
    return _divide((vector * direction).sum(axis=-1), length(direction))


def turn(vector: np.ndarray, angle: float) -> np.ndarray:
    """Turn a vector.

    Args:
        vector (np.ndarray): (..., 2).
        angle (float): Degrees, positive clockwise as seen.

    Returns:
        np.ndarray: (..., 2) of the same length.
    """
    sine, cosine = np.sin(np.radians(angle)), np.cos(np.radians(angle))
    return vector @ np.array([[cosine, sine], [-sine, cosine]])


def length_ratio(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Length of a vector divided by that of another.

    Args:
        first (np.ndarray): (..., 2).
        second (np.ndarray): (..., 2).

    Returns:
        np.ndarray: (...), without unit.
    """
    return _divide(length(first), length(second))


def _divide(value: np.ndarray, by: np.ndarray) -> np.ndarray:
    """NaN where there is nothing to divide by."""
    return value / np.where(by > 0, by, np.nan)
