# Copyright (c) cape_mm contributors. All rights reserved.
"""The image of the page: which part of it, and what is drawn on it."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from matplotlib.colors import LinearSegmentedColormap

from cape_mm.datasets.formats.image_check import read_image
from cape_mm.visualization.drawing import (
    PanelView,
    draw_keypoints,
    draw_skeleton,
    draw_texts,
    line_width,
    view_around_box,
)

from .editor import Cursor
from .labels import ACCEPTED, MIN_SCORE, Labels

#: Longest side of the drawn image: small ones are enlarged, so that keypoints
#: and names stay apart, large ones reduced little, so that clicks stay exact.
_LEAST, _MOST = 900, 2400
_LABELLED, _HIDDEN = (0, 175, 255), (170, 170, 170)
_SELECTED, _BOX = (255, 255, 0), (255, 140, 0)
#: Colours of the scores 0, 0.5 and 1.
_SCORES = LinearSegmentedColormap.from_list(
    'scores', ['#e61e1e', '#fac800', '#28c83c']
)
_MOST_NAMES = 24  # more keypoints are numbered


def read_pixels(path: Path) -> np.ndarray:
    """Read an image as the inferencer does.

    Args:
        path (Path): File.

    Returns:
        np.ndarray: Pixels (H, W, 3), uint8, RGB, EXIF orientation applied.

    Raises:
        FileNotFoundError: If there is no such file.
        DataError: If it cannot be read, or has too many pixels.
    """
    return cv2.cvtColor(read_image(path), cv2.COLOR_BGR2RGB)


def view_image(path: Path, cursor: Cursor) -> PanelView:
    """View of an image, see :func:`make_view`, the last ones from memory."""
    time = path.stat().st_mtime_ns if path.is_file() else 0
    return _view(path, time, cursor.zoom)


@lru_cache(maxsize=4)
def _view(path: Path, _: int, zoom: tuple[float, float] | None) -> PanelView:
    """View of an image of a certain time of change."""
    return make_view(read_pixels(path), Cursor('', zoom=zoom))


def make_view(image: np.ndarray, cursor: Cursor) -> PanelView:
    """Cut and scale an image for the page.

    Args:
        image (np.ndarray): Pixels (H, W, 3), uint8, RGB.
        cursor (Cursor): Its ``zoom`` is the centre of the part to enlarge,
            a quarter of the longest side; the whole image without it.

    Returns:
        PanelView: The view, which maps between its pixels and original ones.
    """
    size = np.array(image.shape[1::-1])
    if cursor.zoom is not None:
        half = max(size.max() / 8, 12)
        centre = np.array(cursor.zoom)
        box = np.concatenate([centre - half, centre + half])
        return view_around_box(image, box, _LEAST, 1.0)
    longest = float(np.clip(0.6 * size.max(), _LEAST, _MOST))
    shape = np.maximum((size * longest / size.max()).round(), 1).astype(int)
    is_smaller = longest < size.max()
    kind = cv2.INTER_AREA if is_smaller else cv2.INTER_CUBIC
    pixels = cv2.resize(image, shape.tolist(), interpolation=kind)
    return PanelView(pixels, (0, 0), shape / size)


def draw_labels(view: PanelView, labels: Labels, cursor: Cursor) -> np.ndarray:
    """Draw what is labelled or predicted on an image.

    Labels by hand are blue, hidden ones grey; predictions have the colour of
    their score, from red to green, and those below :data:`MIN_SCORE` are
    hollow.

    Args:
        view (PanelView): View of the image.
        labels (Labels): Labels of the project.
        cursor (Cursor): Its instance is drawn, its target marked.

    Returns:
        np.ndarray: Image (h, w, 3), uint8, RGB, of the size of the view.
    """
    instance = labels.instances[cursor.key]
    canvas = view.image.copy()
    unit = line_width(canvas)
    if instance.box is not None:
        corners = np.reshape(instance.box, (2, 2)) - [[0, 0], [1, 1]]
        ends = view.to_panel(corners).round().astype(int).tolist()
        cv2.rectangle(canvas, *ends, _BOX, 2 * unit)
    if cursor.corner is not None:
        place = view.to_panel(np.array([cursor.corner]))[0]
        cv2.drawMarker(
            canvas,
            tuple(place.round().astype(int).tolist()),
            *(_BOX, cv2.MARKER_CROSS, 24 * unit, 2 * unit),
        )
    points = np.array(instance.keypoints, np.float64).reshape(-1, 3)
    if not (points[:, 2] > 0).any():
        return canvas
    mask = points[:, 2] > 0
    places = view.to_panel(points[:, :2])
    colors = np.where(points[:, 2:] == 1, _HIDDEN, _LABELLED)
    hollow = np.zeros(len(points), bool)
    if instance.scores is not None and instance.status != ACCEPTED:
        colors = score_colors(np.array(instance.scores))
        hollow = np.array(instance.scores) < MIN_SCORE
    elif instance.scores is not None:
        by_hand = np.isin(np.arange(len(points)), instance.corrected)
        scored = score_colors(np.array(instance.scores))
        colors = np.where(by_hand[:, None], colors, scored)
    draw_skeleton(canvas, places, mask, labels.skeleton)
    draw_keypoints(canvas, places, mask, colors.astype(np.uint8), hollow)
    for index in {cursor.target, cursor.edge} - {None}:
        if mask[index]:
            centre = tuple(places[index].round().astype(int).tolist())
            ring = (_SELECTED, 2 * unit, cv2.LINE_AA)
            cv2.circle(canvas, centre, 8 * unit, *ring)
    are_few = len(points) <= _MOST_NAMES
    names = [
        name if are_few or index == cursor.target else str(index + 1)
        for index, name in enumerate(labels.keypoint_names)
    ]
    draw_texts(canvas, names, places, mask)
    return canvas


def score_colors(scores: np.ndarray) -> np.ndarray:
    """Colours (K, 3), uint8, RGB, of scores (K,) from red to green."""
    return _SCORES(np.asarray(scores, np.float64), bytes=True)[:, :3]
