# Copyright (c) cape_mm contributors. All rights reserved.
"""Parts of an image: a view on one object, a pose on it, lines of text."""

from __future__ import annotations

import os.path as osp
from functools import lru_cache
from typing import NamedTuple, Sequence

import cv2
import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

_SHIFT = 4  # OpenCV draws at 1 / 2**4 of a pixel
_BACKGROUND = (225, 225, 225)


class PanelView(NamedTuple):
    """A square view on an object.

    Attributes:
        image (np.ndarray): (size, size, 3) uint8, RGB.
        origin_px (Tuple[int, int]): Original pixel in the upper left corner.
        scale (float): Panel pixels per original pixel.
    """

    image: np.ndarray
    origin_px: tuple[int, int]
    scale: float

    def to_panel(self, points_px: np.ndarray) -> np.ndarray:
        """Map (N, 2) points from original pixels to panel pixels."""
        return (points_px - self.origin_px + 0.5) * self.scale - 0.5


def view_around_box(
    image: np.ndarray, bbox_px: np.ndarray, size: int, margin: float
) -> PanelView:
    """Cut the square around a box out and bring it to the panel's size.

    Args:
        image (np.ndarray): (H, W, 3) uint8.
        bbox_px (np.ndarray): (4,) x1, y1, x2, y2 in original pixels.
        size (int): Side of the panel in pixels.
        margin (float): Side of the square / longer side of the box.

    Returns:
        PanelView: What lies outside the image is grey.
    """
    x1, y1, x2, y2 = (float(value) for value in bbox_px)
    side = max(int(np.ceil(max(x2 - x1, y2 - y1) * margin)), 8)
    left = int(round((x1 + x2 - side) / 2))
    top = int(round((y1 + y2 - side) / 2))
    square = np.full((side, side, 3), _BACKGROUND, dtype=np.uint8)
    height, width = image.shape[:2]
    rows = slice(max(top, 0), max(min(top + side, height), 0))
    cols = slice(max(left, 0), max(min(left + side, width), 0))
    inside = image[rows, cols]
    if inside.size:
        y, x = rows.start - top, cols.start - left
        square[y : y + inside.shape[0], x : x + inside.shape[1]] = inside
    kind = cv2.INTER_AREA if side > size else cv2.INTER_CUBIC
    panel = cv2.resize(square, (size, size), interpolation=kind)
    return PanelView(panel, (left, top), size / side)


def keypoint_colors(num_keypoints: int) -> np.ndarray:
    """Colours evenly spaced on the HSV wheel: (K, 3) uint8, RGB."""
    hsv = np.full((1, num_keypoints, 3), 255, dtype=np.uint8)
    hsv[0, :, 0] = np.arange(num_keypoints) * 180 // max(num_keypoints, 1)
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)[0]


def draw_skeleton(
    canvas: np.ndarray,
    points: np.ndarray,
    shown: np.ndarray,
    skeleton: Sequence[Sequence[int]],
    color: tuple[int, int, int] = (240, 240, 240),
) -> None:
    """Draw the edges of which both ends are shown.

    Args:
        canvas (np.ndarray): (H, W, 3) uint8, RGB, changed in place.
        points (np.ndarray): (K, 2) in pixels of the canvas.
        shown (np.ndarray): (K,) bool.
        skeleton (Sequence): 0-based index pairs.
        color (Tuple[int, int, int]): RGB. Defaults to a light grey.
    """
    unit = _unit(canvas)
    for ink, width in (((30, 30, 30), 3 * unit), (color, unit)):
        for a, b in skeleton:
            if shown[a] and shown[b]:
                _line(canvas, points[a], points[b], ink, width)


def draw_keypoints(
    canvas: np.ndarray,
    points: np.ndarray,
    shown: np.ndarray,
    colors: np.ndarray,
) -> None:
    """Draw a disc for each shown keypoint.

    Args:
        canvas (np.ndarray): (H, W, 3) uint8, RGB, changed in place.
        points (np.ndarray): (K, 2) in pixels of the canvas.
        shown (np.ndarray): (K,) bool.
        colors (np.ndarray): (K, 3) uint8, RGB.
    """
    unit = _unit(canvas)
    radius = (3.2 if len(points) <= 40 else 2.5) * unit
    for point, color in zip(points[shown], colors[shown]):
        _disc(canvas, point, radius + unit, (20, 20, 20))
        _disc(canvas, point, radius, color.tolist())


def draw_errors(
    canvas: np.ndarray,
    predicted: np.ndarray,
    truth: np.ndarray,
    shown: np.ndarray,
) -> None:
    """Draw a thin red line from each prediction to the ground truth.

    Args:
        canvas (np.ndarray): (H, W, 3) uint8, RGB, changed in place.
        predicted (np.ndarray): (K, 2) in pixels of the canvas.
        truth (np.ndarray): (K, 2) in pixels of the canvas.
        shown (np.ndarray): (K,) bool.
    """
    unit = _unit(canvas)
    for start, end in zip(predicted[shown], truth[shown]):
        _line(canvas, start, end, (255, 255, 255), 3 * unit)
        _line(canvas, start, end, (230, 0, 0), unit)


def text_bar(
    text: str, width: int, height: int, color: tuple | None = None
) -> np.ndarray:
    """A white bar (height, width, 3) with one line of text, RGB.

    The text is shortened when it is too long.
    """
    bar = Image.new('RGB', (width, height), (255, 255, 255))
    draw = ImageDraw.Draw(bar)
    font = _font(int(height * 0.55))
    room = width - height // 2
    if draw.textlength(text, font=font) > room:
        while text and draw.textlength(text + '…', font=font) > room:
            text = text[:-1]
        text += '…'
    place = (height // 4, height // 2)
    draw.text(place, text, fill=color or (0, 0, 0), font=font, anchor='lm')
    return np.asarray(bar)


@lru_cache(maxsize=8)
def _font(size: int) -> ImageFont.FreeTypeFont:
    folder = osp.join(matplotlib.get_data_path(), 'fonts', 'ttf')
    return ImageFont.truetype(osp.join(folder, 'DejaVuSans.ttf'), size)


def _unit(canvas: np.ndarray) -> int:
    """Width of a thin line: 1 pixel in a panel of up to 500 pixels."""
    return max(1, round(max(canvas.shape[:2]) / 384))


def _fixed(point: np.ndarray) -> tuple[int, int]:
    # far outside is as good as outside, and does not overflow
    x, y = np.clip(point, -1e4, 1e4) * 2**_SHIFT
    return int(round(float(x))), int(round(float(y)))


def _line(canvas, start, end, color, width) -> None:
    ends = _fixed(start), _fixed(end)
    cv2.line(canvas, *ends, color, int(width), cv2.LINE_AA, _SHIFT)


def _disc(canvas, centre, radius, color) -> None:
    radius = int(round(radius * 2**_SHIFT))
    cv2.circle(canvas, _fixed(centre), radius, color, -1, cv2.LINE_AA, _SHIFT)
