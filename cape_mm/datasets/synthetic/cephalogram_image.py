# Copyright (c) cape_mm contributors. All rights reserved.
"""From attenuation to a image: exposure, ruler, marks, blur and noise."""

from __future__ import annotations

import cv2
import numpy as np

_TICK_MM = 10.0
_SHIFT = 4


def draw_ruler(
    attenuation: np.ndarray, spacing: float, rng: np.random.Generator
) -> tuple[np.ndarray, float]:
    """Put a ruler with a tick every 10 mm near the front border.

    It lies in the plane that the spacing holds for.

    Args:
        attenuation (np.ndarray): (H, W) float32, changed in place.
        spacing (float): Millimetres per pixel.
        rng (np.random.Generator): Stream of the cephalogram.

    Returns:
        Tuple[np.ndarray, float]: (2, 2) x, y of its first and its last tick
        in pixels, and their distance in millimetres.
    """
    height, width = attenuation.shape
    ticks = int(rng.integers(5, 8))
    x = width - 1 - rng.uniform(2.5, 5.0) / spacing
    y = rng.uniform(4.0, 10.0) / spacing + _TICK_MM / spacing * np.arange(
        ticks
    )
    mask = np.zeros((height, width), np.uint8)
    lines = [[(x, y[0]), (x, y[-1])]]
    lines += [
        [(x - (6.0 if number % 5 == 0 else 3.5) / spacing, place), (x, place)]
        for number, place in enumerate(y)
    ]
    thickness = max(1, int(round(0.5 / spacing)))
    for line in lines:
        corners = np.round(np.array(line) * (1 << _SHIFT)).astype(np.int32)
        cv2.polylines(
            mask, [corners], False, 255, thickness, cv2.LINE_AA, _SHIFT
        )
    attenuation += mask * np.float32(rng.uniform(0.6, 1.0) / 255)
    return np.array([[x, y[0]], [x, y[-1]]]), _TICK_MM * (ticks - 1)


def develop_cephalogram(
    attenuation: np.ndarray, spacing: float, rng: np.random.Generator
) -> np.ndarray:
    """Make the cephalogram: no two have the same look.

    Args:
        attenuation (np.ndarray): (H, W) float32, at least 0; changed in
            place.
        spacing (float): Millimetres per pixel.
        rng (np.random.Generator): Stream of the cephalogram.

    Returns:
        np.ndarray: (H, W) uint8, dense parts are bright.
    """
    if rng.random() < 0.3:
        _add_metal(attenuation, spacing, rng)
    if rng.random() < 0.3:
        _add_letter(attenuation, spacing, rng)
    scatter = _draw_field(attenuation.shape, rng)
    attenuation += np.float32(rng.uniform(0.02, 0.07)) * scatter
    exposure = rng.uniform(1.2, 1.9)
    light = 1.0 - cv2.exp(attenuation * np.float32(-exposure))
    light = cv2.GaussianBlur(light, (0, 0), rng.uniform(0.4, 0.75) / spacing)
    light *= 1.0 - rng.uniform(0.0, 0.25) * _draw_vignette(light.shape)
    light = cv2.pow(np.clip(light, 0.0, 1.0), rng.uniform(0.8, 1.3))
    grain = rng.standard_normal(light.shape, dtype=np.float32)
    light += grain * (
        rng.uniform(0.006, 0.016) + rng.uniform(0.01, 0.03) * cv2.sqrt(light)
    )
    # Some cephalograms are too dark or too bright.
    low, high = rng.uniform(-0.04, 0.04), rng.uniform(0.86, 1.08)
    light = (light - low) / (high - low)
    image = (np.clip(light, 0.0, 1.0) * 255).astype(np.uint8)
    if rng.random() < 0.2:
        _collimate(image, spacing, rng)
    return image


def _draw_field(
    shape: tuple[int, int], rng: np.random.Generator
) -> np.ndarray:
    """A smooth random field between 0 and about 1."""
    coarse = rng.random((6, 5), dtype=np.float32)
    field = cv2.resize(coarse, shape[::-1], interpolation=cv2.INTER_CUBIC)
    return np.maximum(field, 0.0)


def _draw_vignette(shape: tuple[int, int]) -> np.ndarray:
    """0 in the middle, 1 in the corners."""
    y = np.linspace(-1, 1, shape[0], dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, shape[1], dtype=np.float32)[None]
    return 0.5 * (x**2 + y**2)


def _add_metal(
    attenuation: np.ndarray, spacing: float, rng: np.random.Generator
) -> None:
    """Small dense dots, as of fillings or dust."""
    height, width = attenuation.shape
    for _ in range(int(rng.integers(1, 4))):
        center = (
            int(rng.uniform(0.2, 0.95) * width),
            int(rng.uniform(0.2, 0.95) * height),
        )
        radius = max(1, int(rng.uniform(0.5, 1.5) / spacing))
        cv2.circle(attenuation, center, radius, 1.8, -1, cv2.LINE_8)


def _add_letter(
    attenuation: np.ndarray, spacing: float, rng: np.random.Generator
) -> None:
    """A lead letter for the side, in a corner."""
    height, width = attenuation.shape
    place = (
        int(rng.uniform(0.03, 0.12) * width),
        int(rng.uniform(0.9, 0.97) * height),
    )
    cv2.putText(
        attenuation,
        'RL'[int(rng.integers(2))],
        place,
        cv2.FONT_HERSHEY_SIMPLEX,
        0.45 / spacing,
        1.5,
        max(1, int(round(1.0 / spacing))),
        cv2.LINE_8,
    )


def _collimate(
    image: np.ndarray, spacing: float, rng: np.random.Generator
) -> None:
    """A dark edge along the back or the top of the cephalogram."""
    width = int(rng.uniform(2.0, 8.0) / spacing)
    level = int(rng.integers(0, 25))
    if rng.random() < 0.5:
        image[:, :width] = level
    else:
        image[:width] = level
