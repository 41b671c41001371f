# Copyright (c) cape_mm contributors. All rights reserved.
"""Colours, polygons, cluttered backgrounds and occluders."""

from __future__ import annotations

import colorsys
from pathlib import Path
from typing import Tuple

import cv2
import numpy as np

#: Blue, green, red.
Color = Tuple[int, int, int]
# Fractional bits of the coordinates that are handed to OpenCV.
_SHIFT = 4
_LINES = {True: cv2.LINE_AA, False: cv2.LINE_8}


def to_color(hue: float, saturation: float, value: float) -> Color:
    """Convert HSV, all in [0, 1] (hue wraps), to blue, green, red."""
    rgb = colorsys.hsv_to_rgb(hue % 1, saturation, value)
    red, green, blue = (int(round(255 * part)) for part in rgb)
    return blue, green, red


def shade(color: Color, factor: float) -> Color:
    """Make a colour darker (factor < 1) or lighter."""
    blue, green, red = (min(255, int(factor * part)) for part in color)
    return blue, green, red


def fill(
    image: np.ndarray, outline_px: np.ndarray, color, smooth: bool = True
) -> None:
    """Fill a polygon (M, 2) of an image or a label map, in place, pixels."""
    look = (color, _LINES[smooth], _SHIFT)
    cv2.fillPoly(image, [_fixed(outline_px)], *look)


def stroke(
    image: np.ndarray,
    line_px: np.ndarray,
    color,
    width_px: float,
    closed: bool = False,
    smooth: bool = True,
) -> None:
    """Draw a line (M, 2), in place."""
    look = (color, max(1, int(round(width_px))), _LINES[smooth], _SHIFT)
    cv2.polylines(image, [_fixed(line_px)], closed, *look)


def fill_ellipse(
    image: np.ndarray,
    center_px: np.ndarray,
    color,
    radii_px: np.ndarray,
    angle: float,
    smooth: bool = True,
) -> None:
    """Fill an ellipse, turned by degrees, in place."""
    center = tuple(_fixed(center_px).tolist())
    radii = tuple(np.maximum(1, _fixed(radii_px)).tolist())
    look = (angle, 0, 360, color, -1, _LINES[smooth], _SHIFT)
    cv2.ellipse(image, center, radii, *look)


def _fixed(points_px: np.ndarray) -> np.ndarray:
    """Points in OpenCV's fixed-point numbers."""
    # Far outside is as good as outside, and does not overflow.
    points = np.clip(points_px, -1e4, 1e4) * (1 << _SHIFT)
    return np.round(points).astype(np.int32)


def flat_keypoints(points: np.ndarray, visible: np.ndarray) -> list:
    """Rows x, y, visibility of (K, 2) and (K,) for an annotation file."""
    return [
        value
        for (x, y), state in zip(points.tolist(), visible.tolist())
        for value in (round(x, 2), round(y, 2), int(state))
    ]


def write_jpeg(path: Path, image: np.ndarray) -> None:
    """Write an image (H, W, 3), uint8, BGR, into a folder to be made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    quality = [cv2.IMWRITE_JPEG_QUALITY, 92]
    path.write_bytes(cv2.imencode('.jpg', image, quality)[1].tobytes())


def draw_background(
    size: tuple[int, int], rng: np.random.Generator
) -> np.ndarray:
    """Image (H, W, 3): soft light, blurred things, a few sharp ones."""
    # Duller than most creatures, of one tint.
    hue = rng.uniform()
    corners = [
        to_color(hue + rng.uniform(-0.12, 0.12), *rng.uniform(low, high))
        for low, high in 9 * [((0.1, 0.25), (0.5, 0.95))]
    ]
    corners = np.array(corners, np.uint8).reshape(3, 3, 3)
    image = cv2.resize(corners, size, interpolation=cv2.INTER_CUBIC)
    for blur, count in ((7, rng.integers(6, 12)), (0, rng.integers(3, 8))):
        for _ in range(int(count)):
            _draw_thing(image, rng)
        if blur:
            image = cv2.blur(image, (blur, blur))
    return image


def draw_occluder(
    image: np.ndarray,
    owner: np.ndarray,
    label: int,
    center_px: np.ndarray,
    radius_px: float,
    rng: np.random.Generator,
) -> None:
    """Draw a polygon on an image and its label map (H, W), in place."""
    circle = _circle(int(rng.integers(4, 9)))
    radius = radius_px * rng.uniform(0.7, 1.2, size=(len(circle), 1))
    outline = center_px + radius * circle
    fill(image, outline, _draw_color(rng))
    fill(owner, outline, label, smooth=False)
    inside = center_px + 0.5 * (outline - center_px)
    fill(image, inside, _draw_color(rng))


def _draw_thing(image: np.ndarray, rng: np.random.Generator) -> None:
    """Draw an ellipse, a box or a bar somewhere, in place."""
    height, width = image.shape[:2]
    center = rng.uniform(0, (width, height))
    radii = rng.uniform(0.02, 0.13, size=2) * max(height, width)
    angle = rng.uniform(0, 2 * np.pi)
    axes = np.array(
        [[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]
    )
    kind = rng.integers(3)
    if kind == 2:
        radii = radii * (3.0, 0.25)
    outline = center + (_circle((14, 4, 4)[kind]) * radii) @ axes
    fill(image, outline, _draw_color(rng))


def _circle(corners: int) -> np.ndarray:
    """Corners (M, 2) of a regular polygon of radius 1."""
    angle = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


def _draw_color(rng: np.random.Generator) -> Color:
    """A colour that is not bright."""
    return to_color(*rng.uniform((0, 0.05, 0.2), (1, 0.5, 0.95)))
