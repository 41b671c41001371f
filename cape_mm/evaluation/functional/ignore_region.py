# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from typing import Sequence

import numpy as np


def inside_polygons(
    points: np.ndarray, polygons: Sequence[np.ndarray]
) -> np.ndarray:
    """Whether points lie in any of some polygons.

    By the even-odd rule, so that a polygon may cross itself, as some of
    PoseTrack do. What exactly the border belongs to is left open.

    Args:
        points (np.ndarray): (..., 2) x, y; NaN is outside.
        polygons (Sequence[np.ndarray]): (N, 2) corners each, in the same
            frame; the last is joined with the first.

    Returns:
        np.ndarray: (...) bool.
    """
    points = np.asarray(points, dtype=np.float64)
    inside = np.zeros(points.shape[:-1], dtype=bool)
    for polygon in polygons:
        inside |= _inside_polygon(points, np.asarray(polygon, np.float64))
    return inside


def _inside_polygon(points: np.ndarray, polygon: np.ndarray) -> np.ndarray:
    """Count the edges to the right of each point: odd is inside."""
    x, y = points[..., 0, None], points[..., 1, None]
    (x1, y1), (x2, y2) = polygon.T, np.roll(polygon, -1, axis=0).T
    crossed = (y1 > y) != (y2 > y)
    # A level edge is never crossed; its height must not be divided by.
    height = np.where(y1 == y2, 1.0, y2 - y1)
    right = x < x1 + (y - y1) * (x2 - x1) / height
    return (crossed & right).sum(axis=-1) % 2 == 1
