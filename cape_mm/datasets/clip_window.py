# Copyright (c) cape_mm contributors. All rights reserved.
"""Windows and clips of a video, whose frames have numbers."""

from __future__ import annotations

from typing import Sequence

import numpy as np


def window_positions(
    numbers: np.ndarray, center: int, num_frames: int, stride: int = 1
) -> np.ndarray:
    """Positions (F,) of the frames of one window, not descending.

    These are ``num_frames`` frames around the position ``center``, ``stride``
    of the ascending ``numbers`` (M,) apart. A frame that does not exist, at
    the end of a video or in a gap, is replaced by the nearest one, on the side
    of the centre in a tie.
    """
    middle = numbers[center]
    half = num_frames // 2
    targets = middle + stride * np.arange(-half, half + 1)
    distance = np.abs(numbers[:, None] - targets)
    beyond = np.abs(numbers - middle)[:, None] > np.abs(targets - middle)
    return (2 * distance + beyond).argmin(axis=0)


def draw_centers(
    numbers: np.ndarray,
    labelled: np.ndarray,
    start: int,
    num_windows: int,
    max_gap: int,
    rng: np.random.Generator,
) -> list[int]:
    """Positions of the middle frames of T windows, not descending.

    All are ``labelled`` (L,), positions in the ascending ``numbers`` (M,); the
    first one is number ``start`` of them. The next one is drawn among those
    that come at most ``max_gap`` frame numbers later; if there are none, it is
    the next labelled one. Enough frames are left for the windows that follow.
    If the video has not enough labelled frames, its last one is repeated.
    """
    chosen = [start]
    last = len(labelled) - 1
    for left in range(num_windows - 1, 0, -1):
        now = chosen[-1]
        limit = max(min(last - left + 1, last), min(now + 1, last))
        reach = numbers[labelled[now]] + max_gap
        far = int(np.searchsorted(numbers[labelled], reach, 'right')) - 1
        first = min(now + 1, last)
        chosen.append(
            int(rng.integers(first, max(first, min(far, limit)) + 1))
        )
    return [int(labelled[index]) for index in chosen]


def unique_frames(
    positions: Sequence[np.ndarray],
) -> tuple[np.ndarray, np.ndarray]:
    """Frames that T windows (F,) share: (U,), ascending, and (T, F) int64.

    The second array has the places of the windows' frames in the first.
    """
    windows = np.stack([np.asarray(window) for window in positions])
    unique, index = np.unique(windows, return_inverse=True)
    return unique, index.reshape(windows.shape).astype(np.int64)
