# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
from support.tiny_tracking import (
    LENGTH,
    TIMES,
    turn_video,
    write_times,
    write_tiny_tracking,
)

from cape_mm.apis import PoseTrackingInferencer
from cape_mm.visualization.tracked_video_writer import TrackedVideoWriter

TOOL = 'demo/video_pose_demo.py'


@pytest.fixture(scope='module')
def tiny(tmp_path_factory):
    return write_tiny_tracking(tmp_path_factory.mktemp('tiny'))


@pytest.fixture
def demo(tiny, call_tool, tmp_path):
    def run(video, *args):
        out = tmp_path / 'out'
        call_tool(
            TOOL,
            tiny.checkpoint,
            video,
            '--out-dir',
            out,
            '--device',
            'cpu',
            *args,
        )
        return out

    return run


def test_help_answers_without_importing_torch(modules_after_help):
    assert 'torch' not in modules_after_help(TOOL)


def test_json_is_what_was_predicted(demo, tiny):
    out = demo(tiny.frames, '--no-video', '--kpt-thr', 0)
    assert [path.name for path in out.iterdir()] == ['walk.json']
    content = json.loads((out / 'walk.json').read_text())
    images = content['images']
    assert [image['frame_id'] for image in images] == list(range(LENGTH))
    assert {image['nframes'] for image in images} == {LENGTH}
    results = list(
        PoseTrackingInferencer(tiny.checkpoint, device='cpu')(tiny.frames)
    )
    names = content['categories'][0]['keypoints']
    nose = names.index('nose')
    tracks = {}
    for image, result in zip(images, results):
        rows = [
            row
            for row in content['annotations']
            if row['image_id'] == image['id']
        ]
        persons = result.pred_instances
        assert len(rows) == len(persons.track_ids) > 0
        for row, track, points in zip(
            rows, persons.track_ids.tolist(), persons.keypoints
        ):
            # ids are numbered anew, one to one
            assert tracks.setdefault(track, row['track_id']) == row['track_id']
            place = row['keypoints'][3 * nose : 3 * nose + 2]
            assert place == pytest.approx(points[0].tolist(), abs=1e-2)
    assert len(set(tracks.values())) == len(tracks)


def test_keypoints_are_left_out_by_their_score(demo, tiny):
    def points(*args):
        out = demo(tiny.frames, '--kpt-thr', 0, '--frames', *args)
        content = json.loads((out / 'walk.json').read_text())
        image = cv2.imread(str(out / 'walk_frames' / '00000003.jpg'))
        scores = [
            score
            for person in content['annotations']
            for score, there in zip(
                person['scores'], person['keypoints'][2::3]
            )
            if there
        ]
        return np.sort(scores), image

    scores, image = points('--no-video')
    middle = float(np.median(scores))
    fewer, image_fewer = points('--no-video', '--kpt-score-thr', middle)
    assert 0 < len(fewer) < len(scores)
    assert (fewer == scores[scores >= middle]).all()
    assert (image != image_fewer).any()


def test_an_interrupted_video_leaves_no_json(
    demo, tiny, tmp_path, monkeypatch
):
    def stop(self, *args):
        raise KeyboardInterrupt

    monkeypatch.setattr(TrackedVideoWriter, 'write', stop)
    with pytest.raises(SystemExit):
        demo(tiny.frames, '--no-video')
    assert list((tmp_path / 'out').iterdir()) == []


def test_video_and_frames_are_drawn(demo, tiny, capsys):
    out = demo(tiny.video, '--frames', '--format', 'avi', '--boxes')
    frames = sorted((out / 'run_frames').iterdir())
    assert [frame.name for frame in frames] == [
        f'{number:08d}.jpg' for number in range(LENGTH)
    ]
    capture = cv2.VideoCapture(str(out / 'run_tracks.avi'))
    assert capture.get(cv2.CAP_PROP_FRAME_COUNT) == LENGTH
    assert capture.get(cv2.CAP_PROP_FPS) == 10
    assert capture.read()[1].shape == (32, 48, 3)
    said = capsys.readouterr().out
    assert f'{LENGTH} frames with' in said and '0 frames skipped' in said


@pytest.mark.parametrize(
    'content, message',
    [(None, 'there is no video'), (b'text', 'cannot be read as a video')],
)
def test_wrong_input_is_one_sentence(demo, tmp_path, content, message):
    path = tmp_path / 'input.mp4'
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SystemExit) as error:
        demo(path)
    assert message in str(error.value) and 'input.mp4' in str(error.value)


def test_empty_folder_is_reported(demo, tmp_path):
    (tmp_path / 'empty').mkdir()
    with pytest.raises(SystemExit, match='no image in the folder'):
        demo(tmp_path / 'empty')


@pytest.mark.parametrize(
    ('suffix', 'codec'), [('mp4', 'h264'), ('webm', 'vp9')]
)
def test_a_turned_video_of_variable_rate_is_upright_with_its_times(
    demo, tmp_path, suffix, codec
):
    av = pytest.importorskip('av')
    path = write_times(tmp_path / 'turned.mp4', 'libx264')
    turn_video(path, (0, 1, -1, 0, 32, 0))
    out = demo(path, '--kpt-thr', 0, '--format', suffix)
    with av.open(str(out / f'turned_tracks.{suffix}')) as file:
        context = file.streams.video[0].codec_context
        assert context.name.replace('lib', '') == codec
        assert (context.width, context.height) == (32, 48)
        times = [frame.time for frame in file.decode(video=0)]
    assert times == pytest.approx(TIMES, abs=3e-3)
    content = json.loads((out / 'turned.json').read_text())
    for number, image in enumerate(content['images']):
        assert (image['width'], image['height']) == (32, 48)
        assert (image['video'], image['frame_id']) == ('turned.mp4', number)
        assert image['timestamp'] == pytest.approx(TIMES[number], abs=2e-3)
        assert 'file_name' not in image
    boxes = np.array([row['bbox'] for row in content['annotations']])
    assert len(boxes) and np.isfinite(boxes).all()
