# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from cape_mm.structures import get_schema

from .cephalogram_cranium import draw_cranium, draw_vault_outline
from .cephalogram_curves import Piece
from .cephalogram_face import Face, draw_face
from .cephalogram_image import develop_cephalogram, draw_ruler
from .cephalogram_jaws import draw_jaws, find_jaw_points
from .cephalogram_soft_tissue import draw_neck, draw_skin

SCHEMA = get_schema('cephalogram23')
# What a cephalogram fails to show, and how often.
_DROPOUT = (
    (0.06, ('Or',)),
    (0.06, ('Po',)),
    (0.03, ("N'", 'Prn', 'Sn', 'UL', 'LL', "Pog'")),
)
_SHIFT = 4
# Landmarks keep away from the border of the cephalogram, millimetres.
_MARGIN = 3.0
# Where the middle of the face is, fractions of the cephalogram.
_PLACE = (0.605, 0.645)


class RenderedCephalogram(NamedTuple):
    """A cephalogram and what is known about it.

    Attributes:
        image (np.ndarray): (H, W) uint8.
        points_px (Dict[str, np.ndarray]): Code -> (2,) x, y in the image,
            of all landmarks that the drawing has, also of unseen ones.
        visible (np.ndarray): (23,) int64 of schema ``cephalogram23``; 0 for a
            landmark that cannot be seen on this cephalogram, else 2.
        spacing (float): Millimetres per pixel.
        ruler_px (np.ndarray): (2, 2) x, y of the first and the last tick of
            the ruler.
        ruler_mm (float): Distance of these ticks in millimetres.
        face (Face): The head in its own frame.
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
        """(23, 2) float64 x, y of schema ``cephalogram23``."""
        return np.array([self.points_px[code] for code in SCHEMA.codes])


def render_cephalogram(
    rng: np.random.Generator, size: tuple[int, int], spacing: float
) -> RenderedCephalogram:
    """Draw a face and take an X-ray of it.

    Args:
        rng (np.random.Generator): Stream of the cephalogram.
        size (Tuple[int, int]): Width and height in pixels.
        spacing (float): Millimetres per pixel.

    Returns:
        RenderedCephalogram: Face to the right.

    Raises:
        ValueError: If no head fits onto the cephalogram.
    """
    size_mm = spacing * np.array(size)
    for _ in range(100):
        face = draw_face(rng)
        matrix = _place_head(face, size_mm, rng)
        if matrix is not None:
            break
    else:
        raise ValueError(
            f'a image of {size[0]} x {size[1]} pixels of {spacing} mm is too '
            'small for a head: 170 x 200 mm are needed'
        )
    hidden = _draw_hidden(rng)
    # From millimetres to pixels: the centre of the first pixel is (0, 0).
    to_px = matrix / spacing
    to_px[:, 2] -= 0.5
    attenuation = _expose(face, to_px, size, spacing, rng, hidden)
    ruler_px, ruler_mm = draw_ruler(attenuation, spacing, rng)
    image = develop_cephalogram(attenuation, spacing, rng)

    points = dict(face.points, **find_jaw_points(face.points))
    points_px = {
        code: to_px[:, :2] @ point + to_px[:, 2]
        for code, point in points.items()
    }
    visible = np.array([0 if code in hidden else 2 for code in SCHEMA.codes])
    return RenderedCephalogram(
        image, points_px, visible, spacing, ruler_px, ruler_mm, face
    )


def _place_head(
    face: Face, size_mm: np.ndarray, rng: np.random.Generator
) -> np.ndarray | None:
    """Turn the head a little and put it onto the cephalogram.

    Returns:
        np.ndarray | None: (2, 3) from the frame of the face to that of the
        cephalogram, both in millimetres; None if the head does not fit.
    """
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


def _draw_hidden(rng: np.random.Generator) -> frozenset[str]:
    """Codes of the landmarks that this cephalogram does not show."""
    hidden = [codes for chance, codes in _DROPOUT if rng.random() < chance]
    return frozenset(code for codes in hidden for code in codes)


def _expose(
    face: Face,
    to_px: np.ndarray,
    size: tuple[int, int],
    spacing: float,
    rng: np.random.Generator,
    hidden: frozenset[str],
) -> np.ndarray:
    """Add up what is in the way of the rays; (H, W) float32."""
    vault = draw_vault_outline(face.points, rng)
    skin = draw_skin(face.points, vault, rng)
    density = rng.uniform(0.2, 0.32)
    if 'Prn' in hidden:
        density = 0.0
    pieces = [Piece(skin, density, blur=0.3)]
    pieces += draw_neck(face.points, rng)
    pieces += draw_cranium(face.points, vault, rng, hidden)
    pieces += draw_jaws(face.points, rng)
    # Coarse cephalograms are drawn larger: lines have whole widths.
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
    sigma = piece.blur * scale
    border = int(np.ceil(3 * sigma + piece.width * scale)) + 2
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
    if sigma > 0.3:
        mask = cv2.GaussianBlur(mask, (0, 0), sigma)
    canvas[y0:y1, x0:x1] += mask * np.float32(piece.density / 255)
