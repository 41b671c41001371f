# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from pathlib import Path

import cv2
import mmcv
import numpy as np

from cape_mm.errors import DataError

#: Codec by suffix; OpenCV's own packages can write these.
_CODECS = {'.mp4': 'mp4v', '.avi': 'MJPG'}


class TrackedVideoWriter:
    """Write frames as a video (.mp4 or .avi), as images, or both.

    Used with ``with``, so that the video is finished whatever happens.
    """

    def __init__(
        self,
        video_file: Path | None = None,
        frame_dir: Path | None = None,
        fps: float = 25.0,
    ) -> None:
        if video_file is not None and video_file.suffix not in _CODECS:
            raise DataError(f'{video_file} must end in {" or ".join(_CODECS)}')
        self.video_file = video_file
        self.frame_dir = frame_dir
        self.fps = fps
        self._writer: cv2.VideoWriter | None = None

    def __enter__(self) -> TrackedVideoWriter:
        return self

    def __exit__(self, *error) -> None:
        if self._writer is not None:
            self._writer.release()

    def write(self, image: np.ndarray, name: str) -> None:
        """Write one image (H, W, 3), uint8, RGB; the name has its suffix."""
        image = mmcv.rgb2bgr(image)
        if self.frame_dir is not None:
            mmcv.imwrite(image, str(self.frame_dir / name))
        if self.video_file is not None:
            height, width = image.shape[:2]
            # codecs drop the last row or column of an odd size
            even = cv2.copyMakeBorder(
                image, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE
            )
            if self._writer is None:
                self._writer = self._open(even)
            self._writer.write(even)

    def _open(self, image: np.ndarray) -> cv2.VideoWriter:
        self.video_file.parent.mkdir(parents=True, exist_ok=True)
        code = cv2.VideoWriter_fourcc(*_CODECS[self.video_file.suffix])
        size = image.shape[1::-1]
        writer = cv2.VideoWriter(str(self.video_file), code, self.fps, size)
        if not writer.isOpened():
            raise DataError(
                f'{self.video_file} cannot be written: the folder is read '
                'only, or OpenCV lacks the codec; write images instead'
            )
        return writer
