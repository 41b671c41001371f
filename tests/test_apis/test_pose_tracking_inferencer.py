# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import json

import numpy as np
import pytest
from mmengine.config import Config
from mmpose.structures import PoseDataSample
from support.tiny_tracking import LENGTH, images, write_tiny_tracking

from cape_mm.apis import FrameSource, PoseTrackingInferencer
from cape_mm.datasets.datasets import PoseTrackClipDataset
from cape_mm.errors import DataError, UnsuitableCheckpointError


@pytest.fixture(scope='module')
def tracking(tmp_path_factory):
    return write_tiny_tracking(tmp_path_factory.mktemp('tracking'))


@pytest.fixture(scope='module')
def inferencer(tracking):
    return PoseTrackingInferencer(tracking.checkpoint, device='cpu')


def assert_same(some, others, atol=0.0):
    some, others = list(some), list(others)
    assert len(some) == len(others) > 0
    for one, other in zip(some, others):
        one, other = one.pred_instances, other.pred_instances
        assert one.track_ids.tolist() == other.track_ids.tolist()
        assert np.allclose(one.keypoints, other.keypoints, rtol=0, atol=atol)


def test_one_result_per_frame_in_order(tracking, inferencer):
    results = list(inferencer(tracking.frames))
    assert all(isinstance(result, PoseDataSample) for result in results)
    assert [result.frame_id for result in results] == list(range(LENGTH))
    assert results[4].img_path == str(tracking.frames / 'frame_9.png')
    assert {result.num_frames for result in results} == {LENGTH}
    assert {result.ori_shape for result in results} == {(32, 48)}
    assert 'gt_instances' not in results[0]
    persons = results[0].pred_instances
    count = len(persons.track_ids)
    assert count > 0 and persons.keypoints.shape == (count, 15, 2)
    assert set(results[0].pred_instances.track_ids) & set(
        results[1].pred_instances.track_ids
    )


@pytest.mark.parametrize(
    'key, name',
    [('keypoints', 'and others'), ('bbox_scores', 'boxes')],
)
def test_prediction_that_is_not_finite_is_named(
    tracking, inferencer, monkeypatch, key, name
):
    original = inferencer.model.track

    def poisoned(*args):
        results, state = original(*args)
        results[0].pred_instances[key][0, ...] = np.nan
        return results, state

    monkeypatch.setattr(inferencer.model, 'track', poisoned)
    with pytest.raises(DataError, match=f'^frame 0 of video .* {name}'):
        list(inferencer(tracking.frames))


def test_results_are_those_of_the_dataset(tracking, inferencer, tmp_path):
    """The model's test loop on the same frames, without annotations."""
    images = [
        dict(
            id=number,
            frame_id=number,
            file_name=f'frame_{number + 5}.png',
            vid_id='walk',
            is_labeled=False,
            width=48,
            height=32,
        )
        for number in range(LENGTH)
    ]
    (tmp_path / 'walk.json').write_text(
        json.dumps(dict(images=images, annotations=[], categories=[]))
    )
    dataset = PoseTrackClipDataset(
        ann_file=str(tmp_path / 'walk.json'),
        data_prefix=dict(img=str(tracking.frames)),
        pipeline=inferencer.cfg.test_dataloader.dataset.pipeline,
        test_mode=True,
    )
    expected = []
    for number in range(LENGTH):
        item = dataset[number]
        expected += inferencer.model.test_step(
            {key: [value] for key, value in item.items()}
        )
    assert_same(inferencer(tracking.frames), expected, atol=1e-2)


def test_batches_do_not_matter(tracking, inferencer):
    one = inferencer(tracking.frames, batch_size=1)
    assert_same(one, inferencer(tracking.frames, batch_size=3), atol=1e-2)
    with pytest.raises(ValueError, match='batch_size'):
        inferencer(tracking.frames, batch_size=0)


def test_every_call_begins_without_tracks(tracking, inferencer):
    alone = list(inferencer(tracking.video))
    first, second = inferencer(tracking.frames), inferencer(tracking.video)
    mixed = []
    for _, result in zip(first, second):
        mixed.append(result)
    assert_same(alone, mixed)


class Endless(FrameSource):
    """A video whose frames are counted as they are read."""

    def __init__(self):
        super().__init__('endless')
        self.count = 0

    def read(self):
        image = images(1)[0]
        while True:
            self.count += 1
            yield f'{self.count}.jpg', image.copy()


def test_frames_are_read_when_their_turn_comes(inferencer):
    source = Endless()
    results = inferencer(source, batch_size=4)
    assert source.count == 0
    for number in range(20):
        assert next(results).frame_id == number
        # a batch of windows and one frame on either side
        assert source.count <= number + 4 + 3


def test_skipped_frames_keep_their_numbers(tmp_path, inferencer):
    tiny = write_tiny_tracking(tmp_path)
    (tiny.frames / 'frame_7.png').write_bytes(b'broken')
    with pytest.warns(UserWarning, match='1 of 7 frames'):
        results = list(inferencer(tiny.frames, batch_size=2))
    assert [result.frame_id for result in results] == [0, 1, 3, 4, 5, 6]


def test_progress_is_displayed_on_demand(tracking, inferencer, capsys):
    quiet = list(inferencer(tracking.video))
    assert not capsys.readouterr().out
    results = list(inferencer(tracking.video, progress=True))
    assert 'run' in capsys.readouterr().out
    assert_same(quiet, results)


def test_config_file_gives_the_same(tracking, inferencer):
    other = PoseTrackingInferencer(
        tracking.checkpoint, tracking.config, device='cpu'
    )
    assert_same(inferencer(tracking.video), other(tracking.video))


def test_other_models_are_refused(tracking):
    cfg = Config.fromfile(tracking.config)
    cfg.model.tracker = None
    with pytest.raises(UnsuitableCheckpointError, match='does not track'):
        PoseTrackingInferencer(tracking.checkpoint, cfg, device='cpu')


def test_missing_video_is_named(inferencer):
    with pytest.raises(FileNotFoundError, match='nowhere.mp4'):
        inferencer('nowhere.mp4')
