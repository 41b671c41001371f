# Copyright (c) cape_mm contributors. All rights reserved.
"""Parts of an image: a view of one object, poses, text, panels in a row."""

from __future__ import annotations

import os.path as osp
from functools import lru_cache
from typing import NamedTuple, Sequence

import cv2
import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from .colors import (
    BACKGROUND,
    ERROR_COLOR,
    ERROR_OUTLINE,
    KEYPOINT_OUTLINE,
    SKELETON_COLOR,
    SKELETON_OUTLINE,
)

_SHIFT = 4  # OpenCV draws at 1 / 2**4 of a pixel
GAP = 6  # pixels between panels
TITLE_HEIGHT = 34
CAPTION_HEIGHT = 26


class PanelView(NamedTuple):
    """A square view of an object.

    Attributes:
        image (np.ndarray): Panel (size, size, 3), uint8, RGB.
        origin_px (Tuple[int, int]): Original pixel in the upper left corner.
        scale (float): Panel pixels per original pixel.
    """

    image: np.ndarray
    origin_px: tuple[int, int]
    scale: float

    def to_panel(self, points_px: np.ndarray) -> np.ndarray:
        """Map points (N, 2) from original pixels to panel pixels."""
        return (points_px - self.origin_px + 0.5) * self.scale - 0.5


def view_around_box(
    image: np.ndarray, bbox_px: np.ndarray, size: int, margin: float
) -> PanelView:
    """Cut the square around a box out and bring it to the panel's size.

    Args:
        image (np.ndarray): Image (H, W, 3), uint8, RGB.
        bbox_px (np.ndarray): Box (4,), x1, y1, x2, y2 in original pixels.
        size (int): Side of the panel in pixels.
        margin (float): Side of the square / longer side of the box.

    Returns:
        PanelView: The view, grey outside of the image.
    """
    x1, y1, x2, y2 = (float(value) for value in bbox_px)
    side = max(int(np.ceil(max(x2 - x1, y2 - y1) * margin)), 8)
    left = int(round((x1 + x2 - side) / 2))
    top = int(round((y1 + y2 - side) / 2))
    square = np.full((side, side, 3), BACKGROUND, dtype=np.uint8)
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


def draw_skeleton(
    canvas: np.ndarray,
    points: np.ndarray,
    mask: np.ndarray,
    skeleton: Sequence[Sequence[int]],
    color: tuple[int, int, int] = SKELETON_COLOR,
) -> None:
    """Draw the edges between drawn keypoints.

    Args:
        canvas (np.ndarray): Image (H, W, 3), uint8, RGB, changed in place.
        points (np.ndarray): Keypoints (K, 2), pixels of the canvas.
        mask (np.ndarray): Keypoints to draw (K,), bool.
        skeleton (Sequence): 0-based index pairs.
        color (Tuple[int, int, int]): RGB. Defaults to a light grey.
    """
    unit = line_width(canvas)
    for ink, width in ((SKELETON_OUTLINE, 3 * unit), (color, unit)):
        for a, b in skeleton:
            if mask[a] and mask[b]:
                _line(canvas, points[a], points[b], ink, width)


def draw_keypoints(
    canvas: np.ndarray,
    points: np.ndarray,
    mask: np.ndarray,
    colors: np.ndarray,
) -> None:
    """Draw a disc for each keypoint.

    Args:
        canvas (np.ndarray): Image (H, W, 3), uint8, RGB, changed in place.
        points (np.ndarray): Keypoints (K, 2), pixels of the canvas.
        mask (np.ndarray): Keypoints to draw (K,), bool.
        colors (np.ndarray): Colours (K, 3) or (3,) for all, uint8, RGB.
    """
    unit = line_width(canvas)
    radius = (3.2 if len(points) <= 40 else 2.5) * unit
    colors = np.broadcast_to(colors, (len(points), 3))
    for point, color in zip(points[mask], colors[mask]):
        _disc(canvas, point, radius + unit, KEYPOINT_OUTLINE)
        _disc(canvas, point, radius, color.tolist())


def draw_errors(
    canvas: np.ndarray,
    predicted: np.ndarray,
    truth: np.ndarray,
    mask: np.ndarray,
) -> None:
    """Draw a thin red line from each prediction to the ground truth.

    Args:
        canvas (np.ndarray): Image (H, W, 3), uint8, RGB, changed in place.
        predicted (np.ndarray): Keypoints (K, 2), pixels of the canvas.
        truth (np.ndarray): Keypoints (K, 2), pixels of the canvas.
        mask (np.ndarray): Keypoints to draw (K,), bool.
    """
    unit = line_width(canvas)
    for start, end in zip(predicted[mask], truth[mask]):
        _line(canvas, start, end, ERROR_OUTLINE, 3 * unit)
        _line(canvas, start, end, ERROR_COLOR, unit)


def draw_label(
    canvas: np.ndarray, text: str, point: np.ndarray, color: Sequence[int]
) -> None:
    """Write above a point, inside the image.

    Args:
        canvas (np.ndarray): Image (H, W, 3), uint8, RGB, changed in place.
        text (str): A few characters.
        point (np.ndarray): Point (2,), pixels of the canvas.
        color (Sequence[int]): RGB.
    """
    unit = line_width(canvas)
    font, scale = cv2.FONT_HERSHEY_SIMPLEX, 0.45 * unit
    (width, height), _ = cv2.getTextSize(text, font, scale, unit)
    limits = [canvas.shape[1] - width - 1, canvas.shape[0] - 1]
    corner = np.clip(
        point - [width / 2, 8 * unit], [0, height], np.maximum(limits, 0)
    )
    corner = tuple(corner.round().astype(int).tolist())
    for ink, thickness in ((KEYPOINT_OUTLINE, 3 * unit), (color, unit)):
        cv2.putText(
            canvas, text, corner, font, scale, ink, thickness, cv2.LINE_AA
        )


def text_bar(
    text: str, width: int, height: int, color: tuple = (0, 0, 0)
) -> np.ndarray:
    """Make a white bar with one line of text, shortened if it is too long.

    Args:
        text (str): The line.
        width (int): Pixels.
        height (int): Pixels.
        color (tuple): RGB. Defaults to black.

    Returns:
        np.ndarray: Bar (height, width, 3), uint8, RGB.
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
    draw.text(place, text, fill=color, font=font, anchor='lm')
    return np.asarray(bar)


def join_panels(
    panels: Sequence[tuple[str, np.ndarray]], title: str
) -> np.ndarray:
    """Put panels side by side under a title.

    Args:
        panels (Sequence[Tuple[str, np.ndarray]]): Captions and images
            (H, W, 3), uint8.
        title (str): Text above all of them.

    Returns:
        np.ndarray: Image (H', W', 3), uint8.
    """
    columns = []
    for caption, image in panels:
        bar = text_bar(caption, image.shape[1], CAPTION_HEIGHT, (90, 90, 90))
        column = np.vstack([bar, image])
        columns += [white_image(len(column), GAP), column]
    row = np.hstack([*columns, columns[0]])
    width = row.shape[1]
    bar = text_bar(title, width, TITLE_HEIGHT)
    return np.vstack([bar, row, white_image(GAP, width)])


def white_image(height: int, width: int) -> np.ndarray:
    """Make an empty image (height, width, 3), uint8."""
    return np.full((height, width, 3), 255, dtype=np.uint8)


def line_width(canvas: np.ndarray) -> int:
    """Width of a thin line: 1 pixel in a panel of up to 500 pixels."""
    return max(1, round(max(canvas.shape[:2]) / 384))


@lru_cache(maxsize=8)
def _font(size: int) -> ImageFont.FreeTypeFont:
    """Matplotlib's font, which is always there."""
    folder = osp.join(matplotlib.get_data_path(), 'fonts', 'ttf')
    return ImageFont.truetype(osp.join(folder, 'DejaVuSans.ttf'), size)


def _fixed(point: np.ndarray) -> tuple[int, int]:
    """A point in OpenCV's fixed-point pixels."""
    # far outside is as good as outside, and does not overflow
    x, y = np.clip(point, -1e4, 1e4) * 2**_SHIFT
    return int(round(float(x))), int(round(float(y)))


def _line(canvas, start, end, color, width) -> None:
    """A line between two points (2,)."""
    ends = _fixed(start), _fixed(end)
    cv2.line(canvas, *ends, color, int(width), cv2.LINE_AA, _SHIFT)


def _disc(canvas, centre, radius, color) -> None:
    """A filled circle about a point (2,)."""
    radius = int(round(radius * 2**_SHIFT))
    cv2.circle(canvas, _fixed(centre), radius, color, -1, cv2.LINE_AA, _SHIFT)
