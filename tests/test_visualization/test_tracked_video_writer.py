# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import cv2
import numpy as np
import pytest

from cape_mm.visualization.tracked_video_writer import TrackedVideoWriter


def read(path):
    capture = cv2.VideoCapture(str(path))
    frames = []
    while True:
        there, frame = capture.read()
        if not there:
            return np.array(frames)
        frames.append(frame)


@pytest.mark.parametrize('suffix', ['mp4', 'avi'])
@pytest.mark.parametrize('width, height', [(128, 101), (127, 100), (127, 101)])
def test_odd_sizes_lose_nothing(tmp_path, suffix, width, height):
    # grey that grows to the lower right, so that its last row is known
    image = np.add.outer(np.arange(height), np.arange(width)).astype(np.uint8)
    image = np.repeat(image[..., None], 3, axis=-1)
    video, folder = tmp_path / f'a.{suffix}', tmp_path / 'frames'
    with TrackedVideoWriter(video, folder) as writer:
        for number in range(3):
            writer.write(image, f'{number}.png')
    frames = read(video)
    even = (height + height % 2, width + width % 2)
    assert frames.shape == (3, *even, 3)
    expected = np.pad(
        image, ((0, height % 2), (0, width % 2), (0, 0)), mode='edge'
    )
    assert abs(frames[0].astype(int) - expected).max() < 12
    # images are the frames as given
    assert (cv2.imread(str(folder / '0.png')) == image).all()


def test_even_sizes_stay(tmp_path):
    image = np.full((32, 48, 3), 90, np.uint8)
    with TrackedVideoWriter(tmp_path / 'a.mp4') as writer:
        writer.write(image, '0.png')
    assert read(tmp_path / 'a.mp4').shape == (1, 32, 48, 3)
