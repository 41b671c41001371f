# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import numpy as np
import pytest

from cape_mm.apis.frame_source import VideoFrame
from cape_mm.apis.frame_windows import stream_windows
from cape_mm.datasets.clip_window import window_positions


def make_frames(numbers):
    return [VideoFrame(number, str(number), None) for number in numbers]


@pytest.mark.parametrize('num_frames, stride', [(1, 1), (3, 1), (5, 2)])
@pytest.mark.parametrize(
    'numbers', [range(12), [0], [0, 1, 2, 7, 8, 9, 10, 14], [3, 20, 21]]
)
def test_windows_are_those_of_the_data_set(numbers, num_frames, stride):
    numbers = np.array(numbers)
    found = [
        [frame.number for frame in window]
        for window in stream_windows(make_frames(numbers), num_frames, stride)
    ]
    wanted = [
        numbers[window_positions(numbers, center, num_frames, stride)].tolist()
        for center in range(len(numbers))
    ]
    assert found == wanted


def test_no_frames_give_no_windows():
    assert list(stream_windows([], 3)) == []


class CountedFrame(VideoFrame):
    alive = 0

    def __del__(self):
        CountedFrame.alive -= 1


def counted(count):
    for number in range(count):
        CountedFrame.alive += 1
        yield CountedFrame(number, '', None)


@pytest.mark.parametrize('num_frames, stride', [(1, 1), (3, 1), (5, 3)])
def test_few_frames_are_held(num_frames, stride):
    most = 0
    for _ in stream_windows(counted(300), num_frames, stride):
        most = max(most, CountedFrame.alive)
    assert most <= (num_frames - 1) * stride + 3
