# Copyright (c) cape_mm contributors. All rights reserved.
"""Windows and clips of a video, whose frames have numbers."""

from __future__ import annotations

from typing import Sequence

import numpy as np


def window_positions(
    numbers: np.ndarray, center: int, num_frames: int, stride: int = 1
) -> np.ndarray:
    """Choose the frames of one window.

    These are ``num_frames`` frames around the centre, ``stride`` frame numbers
    apart. A frame that does not exist, at the end of a video or in a
    gap, is replaced by the nearest one, on the side of the centre in a tie.

    Args:
        numbers (np.ndarray): Frame numbers (M,) of the video, ascending.
        center (int): Position of the middle frame in ``numbers``.
        num_frames (int): F, odd.
        stride (int): Distance between frames. Defaults to 1.

    Returns:
        np.ndarray: (F,) int64 positions in ``numbers``, not descending.
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
    """Choose the middle frames of a clip's windows, all of them labelled.

    The next one is drawn among the labelled frames that come at most
    ``max_gap`` frame numbers later; if there are none, it is the next labelled
    one. Enough frames are left for the windows that follow. If the video has
    not enough labelled frames, its last one is repeated.

    Args:
        numbers (np.ndarray): Frame numbers (M,) of the video, ascending.
        labelled (np.ndarray): Positions (L,) of the labelled frames.
        start (int): Position of the first frame among the labelled ones.
        num_windows (int): T.
        max_gap (int): Largest distance, at least 1.
        rng (np.random.Generator): Generator of the clip.

    Returns:
        list[int]: T positions in ``numbers``, not descending.
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
    """Find the frames that windows share.

    Args:
        positions (Sequence[np.ndarray]): T windows of (F,) positions.

    Returns:
        tuple:
        - unique (np.ndarray): Positions (U,), ascending.
        - frame_index (np.ndarray): Index (T, F) into ``unique``, int64.
    """
    windows = np.stack([np.asarray(window) for window in positions])
    unique, index = np.unique(windows, return_inverse=True)
    return unique, index.reshape(windows.shape).astype(np.int64)
