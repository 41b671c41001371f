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
ERROR_COLOR = (230, 0, 0)
_ERROR_OUTLINE = (255, 255, 255)
#: Outside of an image.
_BACKGROUND = (225, 225, 225)
#: The part of an image that is enlarged.
_MARK_COLOR = (255, 220, 0)
_UNKNOWN_TRACK = (160, 160, 160)
# By this share of the circle, any number of hues are well apart.
_GOLDEN = 0.61803398875
_SHIFT = 4  # OpenCV draws at 1 / 2**4 of a pixel
GAP = 6  # pixels between panels
TITLE_HEIGHT = 34
CAPTION_HEIGHT = 26
LEGEND_HEIGHT = 20  # of a row


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
    """A view of an image, or of the square around an instance."""

    image: np.ndarray  # (height, width, 3), uint8, RGB
    origin_px: tuple[int, int]  # original pixel in the upper left corner
    scale: float | np.ndarray  # panel per original pixels, or (2,) for x, y

    def to_original(self, points: np.ndarray) -> np.ndarray:
        """Map points (N, 2) from panel pixels to original pixels."""
        return (points + 0.5) / self.scale - 0.5 + self.origin_px

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
    hollow: np.ndarray | None = None,
) -> None:
    """Draw a disc for each keypoint (K, 2) of a mask (K,), in place.

    Colours are (K, 3), or (3,) for all, uint8, RGB. Those of the mask
    ``hollow`` (K,) are rings.
    """
    unit = line_width(canvas)
    radius = (3.2 if len(points) <= 40 else 2.5) * unit
    colors = np.broadcast_to(colors, (len(points), 3))
    if hollow is None:
        hollow = np.zeros(len(points), bool)
    for index in np.flatnonzero(mask):
        point, color = points[index], colors[index].tolist()
        if hollow[index]:
            ring = radius + 2 * unit
            _disc(canvas, point, ring, _KEYPOINT_OUTLINE, 2 * unit + 2)
            _disc(canvas, point, ring, color, 2 * unit)
        else:
            _disc(canvas, point, radius + unit, _KEYPOINT_OUTLINE)
            _disc(canvas, point, radius, color)


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
        _line(canvas, start, end, ERROR_COLOR, unit)


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


def draw_texts(
    canvas: np.ndarray,
    texts: Sequence[str],
    points: np.ndarray,
    mask: np.ndarray,
) -> None:
    """Write a text beside each keypoint (K, 2) of a mask (K,), in place.

    Of places around a keypoint the one is taken that covers least of other
    keypoints and texts, and lies outwards; a line leads to a far one.
    """
    size = max(canvas.shape[:2])
    font = _font(int(np.clip(size / 38, 10, max(18, size / 60))))
    shown = np.flatnonzero(mask & (np.abs(points) < 2 * size).all(1))
    if not len(shown):
        return
    marks = points[shown]
    outwards = marks - marks.mean(0)
    outwards /= np.maximum(np.linalg.norm(outwards, axis=1), 1)[:, None]
    limits = np.array(canvas.shape[1::-1], np.float64)
    angles = np.arange(16) * np.pi / 8
    directions = np.stack([np.cos(angles), np.sin(angles)], 1)
    near = 5.0 * line_width(canvas) + 2
    discs = np.concatenate([marks - near / 2, marks + near / 2], 1)
    image = Image.fromarray(canvas)
    draw = ImageDraw.Draw(image)
    taken = np.zeros((0, 4))
    places = []
    for number, index in enumerate(shown):
        left, top, right, bottom = font.getbbox(texts[index], anchor='mm')
        half = np.array([right - left, bottom - top]) / 2 + 1
        best = None
        for reach in (1.0, 2.0, 3.5):
            # the text begins at this distance in each direction
            centres = marks[number] + directions * (reach * near + half)
            boxes = np.concatenate([centres - half, centres + half], 1)
            costs = 0.6 * (reach - 1) - 0.5 * directions @ outwards[number]
            costs += 3 * _overlaps(boxes, taken)
            costs += 2 * _overlaps(boxes, discs)
            costs += 5 * ((boxes[:, :2] < 0) | (boxes[:, 2:] > limits)).any(1)
            least = int(costs.argmin())
            if best is None or costs[least] < best[0]:
                best = costs[least], centres[least], boxes[least], reach
        taken = np.concatenate([taken, best[2][None]])
        places.append((texts[index], marks[number], best[1], best[3] > 1))
    for _, mark, centre, is_far in places:
        if is_far:
            draw.line([*mark, *centre], fill=SKELETON_COLOR, width=1)
    for text, _, centre, _ in places:
        draw.text(
            tuple(centre),
            text,
            fill=(255, 255, 255),
            font=font,
            anchor='mm',
            stroke_width=2,
            stroke_fill=_KEYPOINT_OUTLINE,
        )
    canvas[:] = np.asarray(image)


def legend_bar(
    entries: Sequence[tuple[str, np.ndarray | None]], width: int
) -> np.ndarray:
    """A white bar (height, width, 3) with coloured dots and their texts.

    Without colour, there is a ring.
    """
    font = _font(13)
    room = max(font.getlength(text) for text, _ in entries) + 34
    columns = int(np.clip(width // room, 1, len(entries)))
    rows = -(-len(entries) // columns)
    bar = white_image(rows * LEGEND_HEIGHT + GAP, width)
    step = width / columns
    for number, (_, color) in enumerate(entries):
        x, y = number // rows * step, number % rows * LEGEND_HEIGHT
        centre = np.array([x + 14, y + LEGEND_HEIGHT / 2])
        _disc(bar, centre, 6, _KEYPOINT_OUTLINE)
        ink = (255, 255, 255) if color is None else np.asarray(color).tolist()
        _disc(bar, centre, 5, ink)
    image = Image.fromarray(bar)
    draw = ImageDraw.Draw(image)
    for number, (text, _) in enumerate(entries):
        x, y = number // rows * step, number % rows * LEGEND_HEIGHT
        place = (x + 26, y + LEGEND_HEIGHT / 2)
        draw.text(place, text, fill=(0, 0, 0), font=font, anchor='lm')
    return np.array(image)


def draw_inset(
    canvas: np.ndarray,
    image: np.ndarray,
    view: PanelView,
    points: np.ndarray,
) -> None:
    """Put the whole image, with the view marked, into a corner, in place.

    It is the corner that is farthest from all points (N, 2) of the canvas.
    """
    size = len(canvas)
    scale = size / 4 / max(image.shape[:2])
    wide, tall = (max(int(side * scale), 1) for side in image.shape[1::-1])
    small = cv2.resize(image, (wide, tall), interpolation=cv2.INTER_AREA)
    side = size / view.scale
    corners = np.array([view.origin_px, np.add(view.origin_px, side)]) * scale
    start, end = corners.round().astype(int).tolist()
    cv2.rectangle(small, start, end, _MARK_COLOR, 2)
    rim = 2
    small = cv2.copyMakeBorder(
        small, *[rim] * 4, cv2.BORDER_CONSTANT, value=(255, 255, 255)
    )
    tall, wide = small.shape[:2]
    places = [(x, y) for x in (0, size - wide) for y in (size - tall, 0)]
    centres = np.array(places) + [wide / 2, tall / 2]
    gaps = np.linalg.norm(centres[:, None] - points, axis=-1)
    nearest = gaps.min(1) if len(points) else np.zeros(4)
    x, y = places[int(nearest.argmax())]
    canvas[y : y + tall, x : x + wide] = small


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


def _overlaps(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Shares (N,) of others (M, 4) that boxes (N, 4) cover, summed."""
    low = np.maximum(boxes[:, None, :2], others[:, :2])
    high = np.minimum(boxes[:, None, 2:], others[:, 2:])
    areas = np.maximum(high - low, 0).prod(-1)
    return (areas / (others[:, 2:] - others[:, :2]).prod(-1)).sum(-1)


def _fixed(point: np.ndarray) -> tuple[int, int]:
    """A point in OpenCV's fixed-point pixels."""
    # far outside is as good as outside, and does not overflow
    x, y = np.clip(point, -1e4, 1e4) * 2**_SHIFT
    return int(round(float(x))), int(round(float(y)))


def _line(canvas, start, end, color, width) -> None:
    """A line between two points (2,)."""
    ends = _fixed(start), _fixed(end)
    cv2.line(canvas, *ends, color, int(width), cv2.LINE_AA, _SHIFT)


def _disc(canvas, centre, radius, color, width=-1) -> None:
    """A circle about a point (2,), filled unless its line has a width."""
    radius, place = int(round(radius * 2**_SHIFT)), _fixed(centre)
    cv2.circle(canvas, place, radius, color, width, cv2.LINE_AA, _SHIFT)
