# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import warnings

import cv2
import numpy as np
import pytest
from support.tiny_tracking import (
    LENGTH,
    TIMES,
    images,
    turn_video,
    write_frames,
    write_times,
    write_video,
)

from cape_mm.apis import VideoFrame, open_video
from cape_mm.apis.inputs.videos import stream_windows
from cape_mm.datasets.clip_window import window_positions
from cape_mm.datasets.formats.annotation_tools.source_image import (
    video_frame,
)
from cape_mm.errors import DataError


@pytest.fixture
def folder(tmp_path):
    write_frames(tmp_path / 'walk')
    return tmp_path / 'walk'


def test_images_of_a_folder_in_the_order_of_their_numbers(folder):
    (folder / 'notes.txt').write_text('no image')
    source = open_video(folder)
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        frames = list(source)
    assert source.video_id == 'walk' and source.num_frames == LENGTH
    assert {frame.time for frame in frames} == {None}
    # frame_9.png comes before frame_10.png
    assert [frame.number for frame in frames] == list(range(LENGTH))
    assert np.array_equal([frame.image for frame in frames], images())
    assert frames[0].path == str(folder / 'frame_5.png')
    assert source.skipped == 0


def test_frames_of_a_video_file(tmp_path):
    write_video(tmp_path / 'run.avi')
    source = open_video(str(tmp_path / 'run.avi'))
    frames = list(source)
    assert source.video_id == 'run' and source.num_frames == LENGTH
    assert source.fps == 10
    assert [frame.number for frame in frames] == list(range(LENGTH))
    blue = [frame.image[..., 0].mean() for frame in frames]
    assert (np.diff(blue) > 5).all()
    assert frames[3].path == str(tmp_path / 'run.avi')
    times = [frame.time for frame in frames]
    assert times == pytest.approx(np.arange(LENGTH) / 10)
    assert len(list(source)) == LENGTH, 'a source can be read again'


def test_broken_images_are_skipped_counted_and_reported(folder):
    (folder / 'frame_7.png').write_bytes(b'not an image')
    (folder / 'frame_8.png').write_bytes(b'')
    source = open_video(folder)
    with pytest.warns(UserWarning, match=r'2 of 7 frames.*frame_7\.png'):
        frames = list(source)
    assert source.skipped == 2
    assert [frame.number for frame in frames] == [0, 1, 4, 5, 6]


def test_a_video_that_is_cut_off_is_reported(tmp_path):
    write_video(tmp_path / 'run.avi')
    source = open_video(tmp_path / 'run.avi')
    source.num_frames = 9
    with pytest.warns(UserWarning, match='2 of 9 frames of run.*header'):
        assert len(list(source)) == LENGTH
    assert source.skipped == 2


def test_wrong_input_is_named(tmp_path, folder):
    with pytest.raises(FileNotFoundError, match='no_such.mp4'):
        open_video(tmp_path / 'no_such.mp4')
    (tmp_path / 'empty').mkdir()
    with pytest.raises(DataError, match='no image in the folder'):
        open_video(tmp_path / 'empty')
    (tmp_path / 'text.mp4').write_text('not a video')
    with pytest.raises(DataError, match='text.mp4 cannot be read'):
        open_video(tmp_path / 'text.mp4')
    with pytest.raises(DataError, match='one image'):
        open_video(folder / 'frame_5.png')
    for path in folder.iterdir():
        path.write_bytes(b'x')
    with pytest.raises(DataError, match='no frame of walk'):
        list(open_video(folder))


def test_another_size_is_an_error(folder):
    cv2.imwrite(str(folder / 'frame_8.png'), np.zeros((10, 20, 3), np.uint8))
    with pytest.raises(DataError, match=r'frame_8.png has 20 x 10 .*48 x 32'):
        list(open_video(folder))


@pytest.mark.parametrize(
    ('name', 'encoder'), [('a.mp4', 'libx264'), ('a.webm', 'libvpx-vp9')]
)
def test_frames_keep_their_times_at_a_variable_rate(tmp_path, name, encoder):
    source = open_video(write_times(tmp_path / name, encoder))
    with warnings.catch_warnings():
        # the length of a WebM is a guess of OpenCV, which counts for nothing
        warnings.simplefilter('error')
        frames = list(source)
    assert [f.time for f in frames] == pytest.approx(TIMES, abs=2e-3)
    assert source.skipped == 0
    assert source.num_frames == (6 if name == 'a.mp4' else None)


# the matrix of the head, and where the white quarter is displayed
TURNS = {
    90: ((0, 1, -1, 0, 32, 0), (slice(4, 20), slice(20, 28))),
    180: ((-1, 0, 0, -1, 48, 32), (slice(20, 28), slice(28, 44))),
    270: ((0, -1, 1, 0, 0, 48), (slice(28, 44), slice(4, 12))),
}


@pytest.mark.parametrize(('matrix', 'white'), TURNS.values(), ids=TURNS)
def test_frames_are_upright(tmp_path, matrix, white):
    path = write_times(tmp_path / 'a.mp4', 'libx264')
    turn_video(path, matrix)
    frames = list(open_video(path))
    size, _ = video_frame(path, 0)
    assert frames[0].image.shape[1::-1] == size
    assert size == ((48, 32) if matrix[0] else (32, 48))
    assert frames[0].image[white].min() > 200
    assert frames[0].image.mean() == pytest.approx(255 / 4, abs=6)


def test_names_with_odd_digits_are_sorted(tmp_path):
    names = [
        '1.png',
        '01.png',
        'x2.png',
        'x\u00b2.png',
        'x10.png',
        '\u0663.png',
    ]
    for name in names:
        (tmp_path / name).write_bytes(
            cv2.imencode('.png', np.zeros((4, 4, 3), np.uint8))[1].tobytes()
        )
    found = [path.name for path in open_video(tmp_path).files]
    assert sorted(found) == sorted(names)
    assert found.index('x2.png') < found.index('x10.png')
    assert found[:2] == ['01.png', '1.png']


def make_frames(numbers):
    return [VideoFrame(number, str(number), None) for number in numbers]


@pytest.mark.parametrize('num_frames, stride', [(1, 1), (3, 1), (5, 2)])
@pytest.mark.parametrize(
    'numbers', [range(12), [0], [0, 1, 2, 7, 8, 9, 10, 14], [3, 20, 21]]
)
def test_windows_are_those_of_the_dataset(numbers, num_frames, stride):
    numbers = np.array(numbers)
    found = [
        [frame.number for frame in window]
        for window in stream_windows(make_frames(numbers), num_frames, stride)
    ]
    expected = [
        numbers[window_positions(numbers, center, num_frames, stride)].tolist()
        for center in range(len(numbers))
    ]
    assert found == expected


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
