# Copyright (c) cape_mm contributors. All rights reserved.
"""An image as an annotation file refers to it: its size, its rotation."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Callable

import cv2
import numpy as np
from PIL import Image

from cape_mm.errors import DataError

from .annotations import AnnotatedImage

_EXIF_ORIENTATION = 274
#: Displayed point of a stored one by EXIF orientation, in an image of stored
#: width w and height h.
_TURNS: dict[int, Callable] = {
    5: lambda x, y, w, h: (y, x),
    6: lambda x, y, w, h: (h - y, x),
    7: lambda x, y, w, h: (h - y, w - x),
    8: lambda x, y, w, h: (y, w - x),
}


@dataclass
class SourceImage:
    """An image, and the frame of its coordinates in a file.

    Attributes:
        image (AnnotatedImage): The image.
        size (tuple[float, float], optional): Width and height that
            coordinates in the file refer to. Defaults to those displayed.
        orientation (int): EXIF orientation to be applied to them. Defaults
            to 1, none.
    """

    image: AnnotatedImage
    size: tuple[float, float] | None = None
    orientation: int = 1

    def to_displayed(self, points: np.ndarray, whole: float) -> np.ndarray:
        """Points (N, 2) of the file in pixels of the displayed image.

        ``whole`` is 1 if the centre of a pixel has whole coordinates, 0 if
        its corner has.
        """
        if self.size is None:
            return points
        if self.orientation in _TURNS:
            width, height = np.subtract(self.size, whole)
            turn = _TURNS[self.orientation]
            return np.stack(turn(*points.T, width, height), -1)
        return points * np.divide(self.image.size, self.size)


def compare_sizes(
    image: AnnotatedImage, annotated: tuple[float, ...]
) -> tuple[str, SourceImage | None]:
    """Remark on an annotated size, if any, and the image if it is usable."""
    displayed = image.size
    is_given = len(annotated) == 2 and min(annotated) > 0
    if not is_given or annotated == displayed:
        return '', SourceImage(image)
    if annotated[::-1] == displayed:
        with Image.open(image.path) as opened:
            orientation = opened.getexif().get(_EXIF_ORIENTATION)
        if orientation in _TURNS:
            return 'exif', SourceImage(image, annotated, orientation)
    scale_x, scale_y = np.divide(displayed, annotated)
    # one pixel of rounding
    if abs(scale_x / scale_y - 1) > 1 / min(*annotated, *displayed):
        return 'wrong_size', None
    return 'rescaled', SourceImage(image, annotated)


def open_capture(video: Path) -> cv2.VideoCapture:
    """A video whose frames and size are upright, as the file says."""
    capture = cv2.VideoCapture(str(video))
    capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 1)
    return capture


def video_frame(
    video: Path, number: int
) -> tuple[tuple[int, int] | None, Callable[[], np.ndarray]]:
    """Size of a frame, None if it is not there, and its reader (BGR)."""
    capture = open_capture(video)
    count = capture.get(cv2.CAP_PROP_FRAME_COUNT)
    width = int(capture.get(cv2.CAP_PROP_FRAME_WIDTH))
    height = int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
    capture.release()

    def read_pixels() -> np.ndarray:
        capture = open_capture(video)
        capture.set(cv2.CAP_PROP_POS_FRAMES, number)
        is_read, frame = capture.read()
        capture.release()
        if not is_read:
            raise DataError(f'frame {number} of {video} cannot be decoded')
        return frame

    is_there = 0 <= number < count and width > 0 and height > 0
    return (width, height) if is_there else None, read_pixels
