# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import gc
import json
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample

from cape_mm.apis import TrackExport
from cape_mm.datasets.formats.posetrack import (
    POSETRACK18_KEYPOINTS,
    PoseTrackWriter,
)
from cape_mm.errors import DataError
from cape_mm.evaluation.metrics.posetrack.posetrack_frames import read_frame

# not in the order of the file, with ears
NAMES = sorted(POSETRACK18_KEYPOINTS)


def result_of(frame_id, ids=(3, 0, 8, 5), num_frames=0, video_id='walk'):
    rng = np.random.default_rng(frame_id)
    shape = (len(ids), len(NAMES))
    result = PoseDataSample()
    result.set_metainfo(
        dict(
            video_id=video_id,
            frame_id=frame_id,
            num_frames=num_frames,
            is_labeled=False,
            img_path=f'walk/{frame_id}.png',
            ori_shape=(60, 80),
            ignore_regions=[],
        )
    )
    result.pred_instances = InstanceData(
        keypoints=rng.uniform(0, 60, (*shape, 2)),
        keypoint_scores=rng.uniform(0, 1, shape),
        keypoints_visible=rng.uniform(0, 1, shape),
        bbox_scores=rng.uniform(0, 1, len(ids)),
        track_ids=np.array(ids, dtype=int),
    )
    return result


# a frame was skipped, one has no person
RESULTS = [
    result_of(0),
    result_of(1, ids=(8, 41)),
    result_of(3, ids=()),
    result_of(4, ids=(41, 0)),
]


@pytest.mark.parametrize('num_frames', [0, 9])
def test_contents_are_those_of_the_metrics_export(tmp_path, num_frames):
    results = [result.clone() for result in RESULTS]
    for result in results:
        result.set_metainfo(dict(num_frames=num_frames))
    with TrackExport(tmp_path / 'a', NAMES, 0.3, 0.4) as export:
        for result in results:
            export.add(result)
        path = export.finish()
    assert (export.num_frames, export.num_tracks) == (4, 5)
    frames = [
        # frames 0 to 4, if the source does not tell
        replace(
            read_frame(r.to_dict(), len(NAMES), *export.thresholds),
            num_frames=max(n, 5),
        )
        for r, n in zip(results, [num_frames] * 4)
    ]
    with PoseTrackWriter(tmp_path / 'b', 'walk', NAMES) as writer:
        for frame in frames:
            frame.write(writer)
        expected = writer.finish()
    content = json.loads(path.read_text())
    assert content == json.loads(expected.read_text())
    assert content['annotations'] and len(content['images']) == 4
    assert [p.name for p in (tmp_path / 'a').iterdir()] == ['walk.json']


def test_no_person_is_a_file_without_annotations(tmp_path):
    with TrackExport(tmp_path, NAMES) as export:
        export.add(result_of(0, ids=()))
        content = json.loads(export.finish().read_text())
    assert content['annotations'] == [] and len(content['images']) == 1
    with pytest.raises(RuntimeError, match='complete'):
        export.add(result_of(1))


def test_nothing_is_held_per_frame(tmp_path):
    with TrackExport(tmp_path, NAMES) as export:

        def held_after(start, stop):
            for number in range(start, stop):
                export.add(result_of(number))
            gc.collect()  # cycles that wait for it are not held
            return tracemalloc.get_traced_memory()[0]

        tracemalloc.start()
        try:
            before = held_after(0, 50)
            growth = held_after(50, 350) - before
            tracemalloc.reset_peak()
            export.finish()
            peak = tracemalloc.get_traced_memory()[1] - before
        finally:
            tracemalloc.stop()
    assert (
        len(json.loads((tmp_path / 'walk.json').read_text())['images']) == 350
    )
    # the poses of these frames as numbers alone are more than 500 KB
    assert growth < 30_000 and peak < 100_000


@pytest.mark.parametrize('error', [KeyboardInterrupt, RuntimeError, None])
def test_what_was_not_finished_is_not_there(tmp_path, error):
    (tmp_path / 'walk.json').write_text('of an earlier run')

    def track():
        with TrackExport(tmp_path, NAMES) as export:
            for number in range(100):
                export.add(result_of(number))
            text = (tmp_path / 'walk.json').read_text()
            assert text == 'of an earlier run'
            if error is not None:
                raise error

    if error is None:
        track()
    else:
        with pytest.raises(error):
            track()
    assert [path.name for path in tmp_path.iterdir()] == ['walk.json']
    assert (tmp_path / 'walk.json').read_text() == 'of an earlier run'


def test_an_error_at_the_end_leaves_nothing(tmp_path, monkeypatch):
    def full(*args):
        raise OSError('no space left')

    with pytest.raises(OSError, match='no space'):  # noqa: SIM117
        with TrackExport(tmp_path, NAMES) as export:
            export.add(result_of(0))
            monkeypatch.setattr('os.replace', full)
            export.finish()
    assert list(tmp_path.iterdir()) == []


def test_a_video_must_have_a_file_name_and_frames(tmp_path):
    with TrackExport(tmp_path / 'out', NAMES) as export:
        with pytest.raises(DataError, match='there are no results to write'):
            export.finish()
        with pytest.raises(DataError, match="'a/b' is no name of a file"):
            export.add(result_of(0, video_id='a/b'))
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(DataError, match='keypoints head_bottom'):
        TrackExport(tmp_path, ['nose', *NAMES[6:]])


def test_frames_of_a_video_file_name_no_images(tmp_path):
    """They have the video, their place in it, and their time instead."""
    with TrackExport(tmp_path, NAMES) as export:
        for number in (0, 1, 4):
            # the head of the file counts 900
            result = result_of(number, num_frames=900)
            time = number / 30
            result.set_metainfo(dict(img_path='in/a.mp4', timestamp=time))
            export.add(result)
        content = json.loads(export.finish().read_text())
    for image, number in zip(content['images'], (0, 1, 4)):
        assert 'file_name' not in image
        assert (image['video'], image['frame_id']) == ('a.mp4', number)
        assert image['timestamp'] == pytest.approx(number / 30, abs=1e-6)
        assert image['nframes'] == 5
