# Copyright (c) cape_mm contributors. All rights reserved.
"""From a face to an image: placing, attenuation, exposure, noise."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from cape_mm.structures import get_schema

from .curves import Piece
from .face import Face, draw_face
from .head import draw_head, find_jaw_landmarks

SCHEMA = get_schema('cephalogram23')
# Probability of invisible landmarks, and their codes.
_DROPOUT = (
    (0.06, ('Or',)),
    (0.06, ('Po',)),
    (0.03, ("N'", 'Prn', 'Sn', 'UL', 'LL', "Pog'")),
)
# Fractional bits of the coordinates that are handed to OpenCV.
_SHIFT = 4
# Landmarks keep away from the border of the cephalogram, millimetres.
_MARGIN = 3.0
# Where the middle of the face is, fractions of the cephalogram.
_PLACE = (0.605, 0.645)
_TICK_MM = 10.0


class RenderedCephalogram(NamedTuple):
    """Image (H, W), uint8, of a face, and what is known about it.

    ``points_px`` has code -> (2,) x, y of all landmarks, invisible ones too;
    ``visible`` (23,), int64, 0 or 2, is in the order of ``cephalogram23``;
    ``spacing`` is in mm per pixel. The first and last tick of the ruler,
    ``ruler_px`` (2, 2), are ``ruler_mm`` apart.
    """

    image: np.ndarray
    points_px: dict[str, np.ndarray]
    visible: np.ndarray
    spacing: float
    ruler_px: np.ndarray
    ruler_mm: float
    face: Face

    @property
    def keypoints_px(self) -> np.ndarray:
        """Landmarks (23, 2) of ``cephalogram23``, float64, x, y."""
        return np.array([self.points_px[code] for code in SCHEMA.codes])


def render_cephalogram(
    rng: np.random.Generator, size: tuple[int, int], spacing: float
) -> RenderedCephalogram:
    """X-ray, face to the right, of ``size`` (W, H) in pixels."""
    size_mm = spacing * np.array(size)
    for _ in range(100):
        face = draw_face(rng)
        matrix = _place_head(face, size_mm, rng)
        if matrix is not None:
            break
    else:
        raise ValueError(
            f'an image of {size[0]} x {size[1]} pixels of {spacing} mm is too '
            'small for a head: 170 x 200 mm are needed'
        )
    codes_of = [codes for chance, codes in _DROPOUT if rng.random() < chance]
    hidden = frozenset(code for codes in codes_of for code in codes)
    # From millimetres to pixels: the centre of the first pixel is (0, 0).
    to_px = matrix / spacing
    to_px[:, 2] -= 0.5
    pieces = draw_head(face.points, rng, hidden)
    attenuation = _expose(pieces, to_px, size, spacing)
    ruler_px, ruler_mm = draw_ruler(attenuation, spacing, rng)
    points = dict(face.points, **find_jaw_landmarks(face.points))
    return RenderedCephalogram(
        image=develop(attenuation, spacing, rng),
        points_px={
            code: to_px[:, :2] @ point + to_px[:, 2]
            for code, point in points.items()
        },
        visible=np.array([0 if c in hidden else 2 for c in SCHEMA.codes]),
        spacing=spacing,
        ruler_px=ruler_px,
        ruler_mm=ruler_mm,
        face=face,
    )


def _place_head(
    face: Face, size_mm: np.ndarray, rng: np.random.Generator
) -> np.ndarray | None:
    """Pose (2, 3) of a face in millimetres; None if it does not fit."""
    turn = np.radians(rng.uniform(-3.0, 3.0))
    shift = rng.uniform(-4.0, 4.0, size=2)
    cos, sin = np.cos(turn), np.sin(turn)
    rotation = np.array([[cos, -sin], [sin, cos]])
    turned = np.array([rotation @ point for point in face.points.values()])
    low, high = turned.min(axis=0), turned.max(axis=0)
    # The back of the head may be cut off, the face may not.
    origin = np.array(_PLACE) * size_mm - 0.5 * (low + high) + shift
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
        _add_piece(canvas, piece, scaled, zoom / spacing)
    if zoom > 1:
        canvas = cv2.resize(canvas, size, interpolation=cv2.INTER_AREA)
    return np.maximum(canvas, 0.0)


def _add_piece(
    canvas: np.ndarray, piece: Piece, to_px: np.ndarray, scale: float
) -> None:
    """Add a piece to the attenuation, in place, where it lies."""
    outline = piece.outline @ to_px[:, :2].T + to_px[:, 2]
    blur = piece.blur * scale
    border = int(np.ceil(3 * blur + piece.width * scale)) + 2
    limits = (canvas.shape[1], canvas.shape[0])
    low = np.clip(np.floor(outline.min(axis=0)) - border, 0, limits)
    high = np.clip(np.ceil(outline.max(axis=0)) + border, 0, limits)
    x0, y0, x1, y1 = np.concatenate([low, high]).astype(int).tolist()
    if x0 >= x1 or y0 >= y1:
        return
    mask = np.zeros((y1 - y0, x1 - x0), np.uint8)
    corners = np.round((outline - (x0, y0)) * (1 << _SHIFT)).astype(np.int32)
    if piece.width:
        width = max(1, int(round(piece.width * scale)))
        cv2.polylines(
            mask, [corners], piece.closed, 255, width, cv2.LINE_AA, _SHIFT
        )
    else:
        cv2.fillPoly(mask, [corners], 255, cv2.LINE_AA, _SHIFT)
    if blur > 0.3:
        mask = cv2.GaussianBlur(mask, (0, 0), blur)
    canvas[y0:y1, x0:x1] += mask * np.float32(piece.density / 255)


def draw_ruler(
    attenuation: np.ndarray, spacing: float, rng: np.random.Generator
) -> tuple[np.ndarray, float]:
    """Add a ruler with a tick every 10 mm; (2, 2) ends and length in mm."""
    width = attenuation.shape[1]
    ticks = int(rng.integers(5, 8))
    x = width - 1 - rng.uniform(2.5, 5.0) / spacing
    y = (rng.uniform(4.0, 10.0) + _TICK_MM * np.arange(ticks)) / spacing
    pose = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    density = rng.uniform(0.6, 1.0)
    ends = np.array([[x, y[0]], [x, y[-1]]])
    # In whole, one piece: lines that cross do not add up.
    path = [ends[0]]
    for number, place in enumerate(y):
        length = (6.0 if number % 5 == 0 else 3.5) / spacing
        path += [(x, place), (x - length, place), (x, place)]
    line = Piece(np.array(path), density, width=max(1.0, 0.5 / spacing))
    _add_piece(attenuation, line, pose, 1.0)
    return ends, _TICK_MM * (ticks - 1)


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
            attenuation, 'RL'[int(rng.integers(2))],
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
    image = (np.clip((light - low) / (high - low), 0, 1) * 255).astype(
        np.uint8
    )
    if rng.random() < 0.2:
        # A dark edge along the back or the top.
        edge = slice(int(rng.uniform(2.0, 8.0) / spacing))
        place = (slice(None), edge) if rng.random() < 0.5 else (edge,)
        image[place] = rng.integers(0, 25)
    return image
