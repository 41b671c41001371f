# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import warnings
from fractions import Fraction
from pathlib import Path

import cv2
import mmcv
import numpy as np

from cape_mm.errors import DataError

#: Encoders of PyAV by suffix, the first that there is; browsers play these.
_ENCODERS = {
    '.mp4': ('libx264', 'libopenh264', 'libvpx-vp9'),
    '.webm': ('libvpx-vp9',),
}
#: Codecs of OpenCV by suffix.
_CODES = {'.mp4': 'mp4v', '.webm': 'VP90', '.avi': 'MJPG'}
_TICKS = 90_000  # a second, as is usual in videos


class TrackedVideoWriter:
    """Write frames as a video (.mp4, .webm or .avi), as images, or both.

    MP4 is H.264 and WebM is VP9, written by PyAV: browsers play them, and
    frames keep their times. Without PyAV (``pip install av``) OpenCV writes
    the video, at a constant rate, and MP4 is MPEG-4, which no browser plays.
    Used with ``with``, so that the video is finished whatever happens.
    """

    def __init__(
        self,
        video_file: Path | None = None,
        frame_dir: Path | None = None,
        fps: float = 25.0,
    ) -> None:
        if video_file is not None and video_file.suffix not in _CODES:
            raise DataError(f'{video_file} must end in {" or ".join(_CODES)}')
        self.video_file = video_file
        self.frame_dir = frame_dir
        self.fps = fps
        self._writer: _PyAVWriter | _OpenCVWriter | None = None

    def __enter__(self) -> TrackedVideoWriter:
        return self

    def __exit__(self, *error) -> None:
        if self._writer is not None:
            self._writer.close()

    def write(
        self, image: np.ndarray, name: str, time: float | None = None
    ) -> None:
        """Write one image.

        Args:
            image (np.ndarray): Image (H, W, 3), uint8, RGB.
            name (str): File name of the image, with its suffix.
            time (float, optional): Seconds at which the video displays it.
                Defaults to the next frame at ``fps``.
        """
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
                self._writer = self._open(even.shape[1::-1])
            self._writer.write(even, time)

    def _open(self, size: tuple[int, int]) -> _PyAVWriter | _OpenCVWriter:
        """Writer of images of (width, height)."""
        self.video_file.parent.mkdir(parents=True, exist_ok=True)
        suffix = self.video_file.suffix
        try:
            import av
        except ImportError:
            av = None
            if suffix == '.mp4':
                warnings.warn(
                    f'browsers will not play {self.video_file}: for H.264 '
                    'pip install av, or choose webm',
                    stacklevel=3,
                )
        for name in _ENCODERS.get(suffix, ()) if av else ():
            try:
                av.codec.Codec(name, 'w')
            except ValueError:  # not in this build
                continue
            return _PyAVWriter(self.video_file, name, self.fps, size)
        return _OpenCVWriter(self.video_file, self.fps, size)


class _PyAVWriter:
    """Video whose frames keep their times."""

    def __init__(
        self, path: Path, encoder: str, fps: float, size: tuple[int, int]
    ) -> None:
        import av

        self._new_frame = av.VideoFrame.from_ndarray
        # a player may begin before all of an MP4 is there
        options = {'movflags': 'faststart'} if path.suffix == '.mp4' else {}
        try:
            self._file = av.open(str(path), 'w', options=options)
        except OSError as error:
            raise _unwritable(path) from error
        rate = Fraction(fps).limit_denominator(1001)
        self._stream = self._file.add_stream(encoder, rate=rate)
        self._stream.width, self._stream.height = size
        self._stream.pix_fmt = 'yuv420p'
        self._stream.options = {'crf': '20'}
        self._stream.codec_context.time_base = Fraction(1, _TICKS)
        self._step = round(_TICKS / fps)
        self._next = 0

    def write(self, image: np.ndarray, time: float | None) -> None:
        frame = self._new_frame(image, format='bgr24')
        # times that do not grow would be refused; WebM has milliseconds
        given = self._next if time is None else round(time * _TICKS)
        frame.pts = max(given, self._next - self._step + _TICKS // 500, 0)
        frame.time_base = Fraction(1, _TICKS)
        self._next = frame.pts + self._step
        self._file.mux(self._stream.encode(frame))

    def close(self) -> None:
        self._file.mux(self._stream.encode())
        self._file.close()


class _OpenCVWriter:
    """Video at a constant rate."""

    def __init__(self, path: Path, fps: float, size: tuple[int, int]) -> None:
        code = cv2.VideoWriter_fourcc(*_CODES[path.suffix])
        self._writer = cv2.VideoWriter(str(path), code, fps, size)
        if not self._writer.isOpened():
            raise _unwritable(path)
        self.close = self._writer.release

    def write(self, image: np.ndarray, time: float | None) -> None:
        self._writer.write(image)


def _unwritable(path: Path) -> DataError:
    return DataError(
        f'{path} cannot be written: the folder is read only, or the codec is '
        'missing; write images instead'
    )
