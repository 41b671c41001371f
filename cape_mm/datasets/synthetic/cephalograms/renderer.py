# Copyright (c) cape_mm contributors. All rights reserved.
"""From a face to an image: placing, attenuation, exposure, noise."""

from __future__ import annotations

from typing import Any, NamedTuple

import cv2
import numpy as np

from ..scenery import fill, stroke
from .face import SCHEMA, Face, draw_face
from .head import JAW_LANDMARKS, Piece, draw_head, find_places

# Probability of invisible landmarks, and their codes.
_DROPOUT = ((0.06, 'Or'), (0.06, 'Po'), (0.03, "N' Prn Sn UL LL Pog'"))
# Landmarks keep away from the border of the cephalogram, millimetres.
_MARGIN = 3.0
# Where the middle of the face is, fractions of the cephalogram.
_PLACE = (0.605, 0.645)
_TICK_MM = 10.0


class RenderedCephalogram(NamedTuple):
    """X-ray of a face, and what is known about it."""

    image: np.ndarray  # (H, W), uint8
    points_px: dict[str, np.ndarray]  # (2,) by code, invisible ones too
    visible: np.ndarray  # (23,), int64, 0 or 2, as in cephalogram23
    spacing: float  # mm per pixel
    ruler: dict[str, Any]  # ticks_px, the first and the last; length_mm
    face: Face

    @property
    def keypoints_px(self) -> np.ndarray:
        """Landmarks (23, 2) of ``cephalogram23``, float64, x, y."""
        return np.array([self.points_px[code] for code in SCHEMA.codes])


def render_cephalogram(
    rng: np.random.Generator, size: tuple[int, int], spacing: float
) -> RenderedCephalogram:
    """X-ray, face to the right, of ``size`` (W, H) in pixels."""
    for _ in range(100):
        face = draw_face(rng)
        matrix = _place_head(face, spacing * np.array(size), rng)
        if matrix is not None:
            break
    else:
        raise ValueError(
            f'an image of {size[0]} x {size[1]} pixels of {spacing} mm is too '
            'small for a head: 170 x 200 mm are needed'
        )
    gone = [codes for chance, codes in _DROPOUT if rng.random() < chance]
    hidden = ' '.join(gone).split()
    # From millimetres to pixels: the centre of the first pixel is (0, 0).
    to_px = matrix / spacing
    to_px[:, 2] -= 0.5
    pieces = draw_head(face.points, rng, hidden)
    attenuation = _expose(pieces, to_px, size, spacing)
    ruler = draw_ruler(attenuation, spacing, rng)
    image = develop(attenuation, spacing, rng)
    places = find_places(face.points)
    points_px = {
        code: to_px[:, :2] @ places[code] + to_px[:, 2]
        for code in (*face.points, *JAW_LANDMARKS)
    }
    visible = np.array([0 if c in hidden else 2 for c in SCHEMA.codes])
    return RenderedCephalogram(image, points_px, visible, spacing, ruler, face)


def _place_head(
    face: Face, size_mm: np.ndarray, rng: np.random.Generator
) -> np.ndarray | None:
    """Pose (2, 3) of a face in millimetres; None if it does not fit."""
    turn = np.radians(rng.uniform(-3.0, 3.0))
    cos, sin = np.cos(turn), np.sin(turn)
    rotation = np.array([[cos, -sin], [sin, cos]])
    turned = np.array([rotation @ point for point in face.points.values()])
    low, high = turned.min(axis=0), turned.max(axis=0)
    # The back of the head may be cut off, the face may not.
    origin = np.array(_PLACE) * size_mm - 0.5 * (low + high)
    origin += rng.uniform(-4.0, 4.0, size=2)
    origin = np.minimum(origin, size_mm - _MARGIN - high)
    if (origin + low < _MARGIN).any():
        return None
    return np.column_stack([rotation, origin])


def _expose(
    pieces: list[Piece],
    to_px: np.ndarray,
    size: tuple[int, int],
    spacing: float,
) -> np.ndarray:
    """Sum of what is in the way of the rays, (H, W) float32."""
    # Coarse cephalograms are rendered larger: lines have whole widths.
    zoom = 2 if spacing > 0.3 else 1
    scaled = zoom * to_px
    scaled[:, 2] += 0.5 * (zoom - 1)
    canvas = np.zeros((zoom * size[1], zoom * size[0]), np.float32)
    for piece in pieces:
        outline = piece.outline @ scaled[:, :2].T + scaled[:, 2]
        _add_piece(canvas, piece._replace(outline=outline), zoom / spacing)
    if zoom > 1:
        canvas = cv2.resize(canvas, size, interpolation=cv2.INTER_AREA)
    return np.maximum(canvas, 0.0)


def _add_piece(canvas: np.ndarray, piece: Piece, scale: float) -> None:
    """Add a piece, outline in pixels, to the attenuation where it lies."""
    blur, width = piece.blur * scale, piece.width * scale
    border = int(np.ceil(3 * blur + width)) + 2
    x, y, w, h = cv2.boundingRect(piece.outline.astype(np.float32))
    left, top = max(0, x - border), max(0, y - border)
    right, bottom = max(0, x + w + border), max(0, y + h + border)
    part = canvas[top:bottom, left:right]
    if not part.size:
        return
    mask = np.zeros(part.shape, np.uint8)
    if width:
        stroke(mask, piece.outline - (left, top), 255, width)
    else:
        fill(mask, piece.outline - (left, top), 255)
    if blur > 0.3:
        mask = cv2.GaussianBlur(mask, (0, 0), blur)
    part += mask * np.float32(piece.density / 255)


def draw_ruler(
    attenuation: np.ndarray, spacing: float, rng: np.random.Generator
) -> dict[str, Any]:
    """Add a ruler with a tick every 10 mm; its end ticks and length."""
    ticks = int(rng.integers(5, 8))
    x = attenuation.shape[1] - 1 - rng.uniform(2.5, 5.0) / spacing
    y = (rng.uniform(4.0, 10.0) + _TICK_MM * np.arange(ticks)) / spacing
    density = rng.uniform(0.6, 1.0)
    # In whole, one piece: lines that cross do not add up.
    path = []
    for number, place in enumerate(y):
        length = (6.0 if number % 5 == 0 else 3.5) / spacing
        path += [(x, place), (x - length, place), (x, place)]
    line = Piece(np.array(path), density, width=max(1.0, 0.5 / spacing))
    _add_piece(attenuation, line, 1.0)
    ends = line.outline[[0, -1]].tolist()
    return dict(ticks_px=ends, length_mm=_TICK_MM * (ticks - 1))


def develop(
    attenuation: np.ndarray, spacing: float, rng: np.random.Generator
) -> np.ndarray:
    """Image (H, W) uint8 of an attenuation, of a random look."""
    height, width = attenuation.shape
    if rng.random() < 0.3:
        # Small dense dots, as of fillings or dust.
        for place in rng.uniform(0.2, 0.95, size=(rng.integers(1, 4), 2)):
            center = tuple((place * (width, height)).astype(int).tolist())
            radius = max(1, int(rng.uniform(0.5, 1.5) / spacing))
            cv2.circle(attenuation, center, radius, 1.8, -1)
    if rng.random() < 0.3:
        # A lead letter for the side, in a corner.
        place = rng.uniform((0.03, 0.9), (0.12, 0.97)) * (width, height)
        cv2.putText(
            attenuation, 'RL'[rng.integers(2)],
            tuple(place.astype(int).tolist()), cv2.FONT_HERSHEY_SIMPLEX,
            0.45 / spacing, 1.5, max(1, int(round(1.0 / spacing))),
        )  # fmt: skip
    scatter = rng.uniform(0.0, 0.05, size=(6, 5)).astype(np.float32)
    attenuation += cv2.resize(
        scatter, (width, height), interpolation=cv2.INTER_CUBIC
    )
    exposure = np.float32(rng.uniform(1.2, 1.9))
    light = 1.0 - cv2.exp(-exposure * np.maximum(attenuation, 0.0))
    light = cv2.GaussianBlur(light, (0, 0), rng.uniform(0.4, 0.75) / spacing)
    # Darker towards the corners.
    y, x = np.ogrid[-1 : 1 : 1j * height, -1 : 1 : 1j * width]
    light *= 1.0 - rng.uniform(0.0, 0.125) * (x**2 + y**2).astype(np.float32)
    light = cv2.pow(np.clip(light, 0.0, 1.0), rng.uniform(0.8, 1.3))
    grain = rng.standard_normal(light.shape, dtype=np.float32)
    fixed, growing = rng.uniform((0.006, 0.01), (0.016, 0.03))
    light += grain * (fixed + growing * cv2.sqrt(light))
    # Some cephalograms are too dark or too bright.
    low, high = rng.uniform((-0.04, 0.86), (0.04, 1.08))
    light = np.clip((light - low) / (high - low), 0, 1)
    image = (light * 255).astype(np.uint8)
    if rng.random() < 0.2:
        # A dark edge along the back or the top.
        edge = slice(int(rng.uniform(2.0, 8.0) / spacing))
        place = (slice(None), edge) if rng.random() < 0.5 else (edge,)
        image[place] = rng.integers(0, 25)
    return image
