# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import sys

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


@pytest.mark.parametrize('suffix', ['mp4', 'webm', 'avi'])
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


@pytest.mark.parametrize(
    ('name', 'codec'), [('a.mp4', 'h264'), ('a.webm', 'vp9')]
)
def test_a_browser_plays_the_video_and_frames_keep_their_times(
    tmp_path, name, codec
):
    av = pytest.importorskip('av')
    times = [0.0, 0.04, 0.5, 0.5, 2.0]  # two at once: the second comes later
    image = np.full((32, 48, 3), 90, np.uint8)
    with TrackedVideoWriter(tmp_path / name) as writer:
        for number, time in enumerate(times):
            writer.write(image, f'{number}.png', time)
    with av.open(str(tmp_path / name)) as file:
        stream = file.streams.video[0]
        assert stream.codec_context.name.replace('lib', '') == codec
        assert stream.codec_context.pix_fmt == 'yuv420p'
        found = [frame.time for frame in file.decode(stream)]
    assert found == pytest.approx(times, abs=3e-3)
    assert len(set(found)) == len(times)


def test_without_times_the_rate_is_constant(tmp_path):
    av = pytest.importorskip('av')
    with TrackedVideoWriter(tmp_path / 'a.mp4', fps=12.5) as writer:
        for number in range(4):
            writer.write(np.zeros((32, 48, 3), np.uint8), f'{number}.png')
    with av.open(str(tmp_path / 'a.mp4')) as file:
        found = [frame.time for frame in file.decode(video=0)]
    assert found == pytest.approx([0, 0.08, 0.16, 0.24], abs=1e-3)


def test_without_pyav_it_is_said_that_no_browser_plays_mp4(
    tmp_path, monkeypatch
):
    monkeypatch.setitem(sys.modules, 'av', None)
    image = np.full((32, 48, 3), 90, np.uint8)
    said = 'a.mp4: for H.264 pip install av'
    with TrackedVideoWriter(tmp_path / 'a.mp4') as writer, pytest.warns(
        UserWarning, match=said
    ):
        writer.write(image, '0.png', 0.0)
    assert read(tmp_path / 'a.mp4').shape == (1, 32, 48, 3)
