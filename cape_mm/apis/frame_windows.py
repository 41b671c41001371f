# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from collections import deque
from itertools import islice
from typing import Iterable, Iterator

import numpy as np

from cape_mm.datasets.clip_window import window_positions

from .frame_source import VideoFrame


def stream_windows(
    frames: Iterable[VideoFrame], num_frames: int, stride: int = 1
) -> Iterator[list[VideoFrame]]:
    """Give a window around each frame of a video of any length.

    The windows are those of ``PoseTrackClipDataset`` in test mode. At most
    ``(num_frames - 1) * stride + 2`` frames are held.

    Args:
        frames (Iterable[VideoFrame]): In order of their numbers, which may
            have gaps.
        num_frames (int): F, odd.
        stride (int): Distance of the frames of a window. Defaults to 1.

    Yields:
        List[VideoFrame]: F frames; where one is missing, the nearest one.
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
