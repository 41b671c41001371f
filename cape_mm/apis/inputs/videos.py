# Copyright (c) cape_mm contributors. All rights reserved.
"""Videos that belong to no dataset, and windows of their frames."""

from __future__ import annotations

import math
import os
import re
import warnings
from abc import abstractmethod
from collections import deque
from itertools import islice
from pathlib import Path
from typing import Iterable, Iterator, NamedTuple

import cv2
import numpy as np

from cape_mm.datasets.clip_window import window_positions
from cape_mm.datasets.formats.annotation_tools.source_image import (
    open_capture,
)
from cape_mm.datasets.formats.image_check import (
    HugeImageError,
    read_image,
)
from cape_mm.errors import DataError

from .arguments import require
from .images import IMAGE_SUFFIXES

_NAMED = 3
#: Formats whose header counts the frames; of others OpenCV guesses.
_COUNTED = ('.avi', '.m4v', '.mov', '.mp4')


class VideoFrame(NamedTuple):
    """One frame of a video.

    Attributes:
        number (int): Its place in the video, from 0.
        path (str): The image, or the video file.
        image (np.ndarray): (H, W, 3) uint8, BGR, upright: turned as the
            video file says.
        time (float, optional): Seconds from the beginning at which a video
            file has it displayed; None for images.
    """

    number: int
    path: str
    image: np.ndarray
    time: float | None = None


class FrameSource:
    """Frames of one video in order, each decoded once per iteration.

    A frame that cannot be decoded is skipped: it keeps its number, is
    counted, and a warning at the end names it.

    Args:
        video_id (str): Name of the video.
        num_frames (int, optional): Expected number of frames.
        fps (float, optional): Frames per second.

    Attributes:
        skipped (int): Frames that the last iteration could not read.
    """

    def __init__(
        self,
        video_id: str,
        num_frames: int | None = None,
        fps: float | None = None,
    ) -> None:
        self.video_id = video_id
        self.num_frames = num_frames
        self.fps = fps
        self.skipped = 0

    @abstractmethod
    def read(self) -> Iterator[tuple]:
        """Read all frames.

        Yields:
            tuple[str, np.ndarray | None] | tuple[str, np.ndarray | None,
            float]: Path, image, None if it cannot be decoded, and the time of
            :class:`VideoFrame`, if it is known.
        """

    def __iter__(self) -> Iterator[VideoFrame]:
        """Iterate over the readable frames.

        Yields:
            VideoFrame: In order of time.

        Raises:
            DataError: If no frame can be read, or one has another size than
                those before it.
        """
        self.skipped = total = 0
        first, shape, names = '', None, []
        for path, image, *time in self.read():
            number, total = total, total + 1
            if image is None:
                self.skipped += 1
                names.append(path)
                del names[_NAMED:]
                continue
            if shape is None:
                first, shape = path, image.shape
            if image.shape != shape:
                size = '{1} x {0}'.format(*image.shape)
                raise DataError(
                    f'{path} has {size} pixels, {first} has {shape[1]} x '
                    f'{shape[0]}; the frames of a video have one size: '
                    'resize them, or make two videos of them'
                )
            yield VideoFrame(number, path, image, *time)
        # where a file is cut off, only its header counts the rest; which may
        # be wrong, too
        missing = max((self.num_frames or 0) - total, 0)
        self.skipped += missing
        if shape is None:
            raise DataError(f'no frame of {self.video_id} can be read')
        if self.skipped:
            where = f', e.g. {", ".join(names)}' if names else ''
            if missing:
                where += ': its end is missing, or its header counts wrongly'
            warnings.warn(
                f'{self.skipped} of {total + missing} frames of '
                f'{self.video_id} cannot be read and were skipped{where}',
                stacklevel=2,
            )


class _FolderFrames(FrameSource):
    """Images of an existing folder by name; 2 comes before 10."""

    def __init__(self, folder: Path) -> None:
        files = [
            path
            for path in folder.iterdir()
            if path.suffix.lower() in IMAGE_SUFFIXES and path.is_file()
        ]
        if not files:
            raise DataError(
                f'there is no image in the folder {folder}; expected '
                f'files {", ".join(IMAGE_SUFFIXES)}'
            )
        self.files: list[Path] = sorted(files, key=_by_numbers)
        super().__init__(folder.resolve().name, len(files))

    def read(self) -> Iterator[tuple[str, np.ndarray | None]]:
        """Read all images; see :class:`FrameSource`."""
        for path in self.files:
            try:
                yield str(path), read_image(path)
            except HugeImageError:
                raise
            except DataError:
                yield str(path), None


class _VideoFile(FrameSource):
    """Frames of an existing video file, read by OpenCV."""

    def __init__(self, path: Path) -> None:
        self.path = path
        capture = self._open()
        count = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
        fps = float(capture.get(cv2.CAP_PROP_FPS))
        capture.release()
        super().__init__(
            path.stem,
            count if count > 0 and path.suffix.lower() in _COUNTED else None,
            fps if 0 < fps < 1000 else None,
        )

    def read(self) -> Iterator[tuple[str, np.ndarray | None, float]]:
        """Read all frames; see :class:`FrameSource`."""
        capture = self._open()
        begin, last = None, -math.inf
        try:
            while capture.grab():
                good, image = capture.retrieve()
                time = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
                begin = time if begin is None else begin
                # of formats without times, OpenCV gives one for all frames
                time = max(time - begin, last + 1 / (8 * (self.fps or 25)))
                last = time = max(time, 0.0)
                yield str(self.path), image if good else None, time
        finally:
            capture.release()

    def _open(self) -> cv2.VideoCapture:
        capture = open_capture(self.path)
        if not capture.isOpened():
            raise DataError(
                f'{self.path} cannot be read as a video: it is something '
                'else, broken, or in a format that OpenCV does not know; a '
                'folder with its frames works, too'
            )
        return capture


def open_video(path: str | os.PathLike[str]) -> FrameSource:
    """Open a video file or a folder of images.

    Args:
        path (str | Path): The file or folder.

    Returns:
        FrameSource: Its frames.

    Raises:
        FileNotFoundError: If there is no such file or folder.
        DataError: If it is no video, or an empty folder.
    """
    require('path', video=path)
    path = Path(os.path.expanduser(os.fspath(path)))
    if path.is_dir():
        return _FolderFrames(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no video file or folder '{path}'")
    if path.suffix.lower() in IMAGE_SUFFIXES:
        raise DataError(
            f'{path} is one image: name the folder that holds the frames'
        )
    return _VideoFile(path)


def stream_windows(
    frames: Iterable[VideoFrame], num_frames: int, stride: int = 1
) -> Iterator[list[VideoFrame]]:
    """Window of ``num_frames`` (odd) frames around each frame of a video.

    As ``PoseTrackClipDataset`` in test mode: a missing frame is replaced by
    the nearest one. At most ``(num_frames - 1) * stride + 2`` frames are held.
    """
    reach = num_frames // 2 * stride
    frames = iter(frames)
    held: deque[VideoFrame] = deque(islice(frames, 1))
    center = 0
    while center < len(held):
        middle = held[center].number
        # one more than the window needs, to know whether there is a next one
        while held[-1].number <= middle + reach:
            following = next(frames, None)
            if following is None:
                break
            held.append(following)
        # the first one held is the last that is not too late
        while center and held[1].number <= middle - reach:
            held.popleft()
            center -= 1
        numbers = np.array([frame.number for frame in held])
        positions = window_positions(numbers, center, num_frames, stride)
        yield [held[position] for position in positions.tolist()]
        center += 1


def _by_numbers(path: Path) -> list:
    """Sorting key: text and numbers in turn, then the name."""
    # no other digits than these: not all of them make a number
    parts: list = re.split('([0-9]+)', path.name)
    parts[1::2] = map(int, parts[1::2])
    return [parts, path.name]
