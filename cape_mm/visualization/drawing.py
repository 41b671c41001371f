# Copyright (c) cape_mm contributors. All rights reserved.
"""Parts of a figure: colours (RGB), views, poses, text, panels in a row."""

from __future__ import annotations

import os.path as osp
from functools import lru_cache
from typing import Iterable, NamedTuple, Sequence

import cv2
import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

#: Edges of a skeleton, unless they have the colour of an identity.
SKELETON_COLOR = (240, 240, 240)
_SKELETON_OUTLINE = (30, 30, 30)
_KEYPOINT_OUTLINE = (20, 20, 20)
#: Lines from predictions to the ground truth.
_ERROR_COLOR = (230, 0, 0)
_ERROR_OUTLINE = (255, 255, 255)
#: Outside of an image.
_BACKGROUND = (225, 225, 225)
_UNKNOWN_TRACK = (160, 160, 160)
# By this share of the circle, any number of hues are well apart.
_GOLDEN = 0.61803398875
_SHIFT = 4  # OpenCV draws at 1 / 2**4 of a pixel
GAP = 6  # pixels between panels
TITLE_HEIGHT = 34
CAPTION_HEIGHT = 26


def keypoint_colors(num_keypoints: int) -> np.ndarray:
    """Colours (K, 3), uint8, of K keypoints, even on the HSV wheel."""
    hsv = np.full((1, num_keypoints, 3), 255, dtype=np.uint8)
    hsv[0, :, 0] = np.arange(num_keypoints) * 180 // max(num_keypoints, 1)
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)[0]


def track_colors(track_ids: Iterable[int]) -> np.ndarray:
    """Colours (N, 3), uint8, of N identities; grey for negative ones.

    The colour of an identity does not depend on the others.
    """
    ids = np.asarray(list(track_ids), np.int64).reshape(-1)
    hsv = np.full((len(ids), 1, 3), 255, np.uint8)
    hsv[:, 0, 0] = (ids * _GOLDEN) % 1 * 180
    # Ids that are many apart get near hues, so lightness differs, too.
    hsv[:, 0, 2] = np.where(ids // 7 % 2 == 0, 255, 190)
    colors = np.zeros((0, 3), np.uint8)
    if len(ids):
        colors = cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)[:, 0]
    colors[ids < 0] = _UNKNOWN_TRACK
    return colors


class PanelView(NamedTuple):
    """A square view of an instance."""

    image: np.ndarray  # (size, size, 3), uint8, RGB
    origin_px: tuple[int, int]  # original pixel in the upper left corner
    scale: float  # panel pixels per original pixel

    def to_panel(self, points_px: np.ndarray) -> np.ndarray:
        """Map points (N, 2) from original pixels to panel pixels."""
        return (points_px - self.origin_px + 0.5) * self.scale - 0.5


def view_around_box(
    image: np.ndarray, bbox_px: np.ndarray, size: int, margin: float
) -> PanelView:
    """Cut the square around a box out of an RGB image.

    The box (4,) is x1, y1, x2, y2 in original pixels; the side of the square
    is ``margin`` times its longer side, and becomes ``size`` pixels.
    """
    x1, y1, x2, y2 = map(float, bbox_px)
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


def draw_skeleton(
    canvas: np.ndarray,
    points: np.ndarray,
    mask: np.ndarray,
    skeleton: Sequence[Sequence[int]],
    color: tuple[int, int, int] = SKELETON_COLOR,
) -> None:
    """Draw the edges between keypoints (K, 2) of a mask (K,), in place."""
    unit = line_width(canvas)
    for ink, width in ((_SKELETON_OUTLINE, 3 * unit), (color, unit)):
        for a, b in skeleton:
            if mask[a] and mask[b]:
                _line(canvas, points[a], points[b], ink, width)


def draw_keypoints(
    canvas: np.ndarray,
    points: np.ndarray,
    mask: np.ndarray,
    colors: np.ndarray,
) -> None:
    """Draw a disc for each keypoint (K, 2) of a mask (K,), in place.

    Colours are (K, 3), or (3,) for all, uint8, RGB.
    """
    unit = line_width(canvas)
    radius = (3.2 if len(points) <= 40 else 2.5) * unit
    colors = np.broadcast_to(colors, (len(points), 3))
    for point, color in zip(points[mask], colors[mask]):
        _disc(canvas, point, radius + unit, _KEYPOINT_OUTLINE)
        _disc(canvas, point, radius, color.tolist())


def draw_errors(
    canvas: np.ndarray,
    predicted: np.ndarray,
    truth: np.ndarray,
    mask: np.ndarray,
) -> None:
    """Draw a red line from each prediction (K, 2) to the truth, in place."""
    unit = line_width(canvas)
    for start, end in zip(predicted[mask], truth[mask]):
        _line(canvas, start, end, _ERROR_OUTLINE, 3 * unit)
        _line(canvas, start, end, _ERROR_COLOR, unit)


def draw_label(
    canvas: np.ndarray, text: str, point: np.ndarray, color: Sequence[int]
) -> None:
    """Write a few characters above a point (2,), in place, in the image."""
    unit = line_width(canvas)
    font, scale = cv2.FONT_HERSHEY_SIMPLEX, 0.45 * unit
    (width, height), _ = cv2.getTextSize(text, font, scale, unit)
    limits = [canvas.shape[1] - width - 1, canvas.shape[0] - 1]
    corner = np.clip(
        point - [width / 2, 8 * unit], [0, height], np.maximum(limits, 0)
    )
    corner = tuple(corner.round().astype(int).tolist())
    for ink, thickness in ((_KEYPOINT_OUTLINE, 3 * unit), (color, unit)):
        cv2.putText(
            canvas, text, corner, font, scale, ink, thickness, cv2.LINE_AA
        )


def text_bar(
    text: str, width: int, height: int, color: tuple = (0, 0, 0)
) -> np.ndarray:
    """A white bar (height, width, 3) with a text, shortened if too long."""
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
    """Put captioned images (H, W, 3), uint8, side by side under a title."""
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
    """An empty image (height, width, 3), uint8."""
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
