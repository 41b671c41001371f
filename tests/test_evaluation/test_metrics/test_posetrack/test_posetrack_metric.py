# Copyright (c) cape_mm contributors. All rights reserved.
"""Input, output and errors of the metric."""

from __future__ import annotations

import csv
import json
import pickle

import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample

from cape_mm.evaluation.metrics import PoseTrackMetric
from cape_mm.registry import METRICS

NAMES = ['nose', 'left_wrist', 'right_wrist']


def as_data_sample(frame):
    """The frame as a model of MMPose returns it, on tensors."""
    sample = PoseDataSample(
        metainfo={k: v for k, v in frame.items() if 'instances' not in k}
    )
    for name in ('gt_instances', 'pred_instances'):
        fields = {
            key: torch.as_tensor(np.array(value))
            for key, value in frame[name].items()
        }
        setattr(sample, name, InstanceData(**fields))
    return sample


def test_keys_have_no_prefix_and_name_other_thresholds(
    make_faulty_video, evaluate
):
    metric = METRICS.build(
        dict(type='cape_mm.PoseTrackMetric', thresholds=(1.0, 0.25))
    )
    metrics = evaluate(make_faulty_video(), metric=metric)
    names = {key.split('@')[0] for key in metrics}
    assert names == {
        'AP',
        'MOTA',
        'MOTP',
        'precision',
        'recall',
        'IDF1',
        'IDSW',
        'HOTA',
        'DetA',
        'AssA',
    }
    assert {key.partition('@')[2] for key in metrics} == {'', '1.0', '0.25'}
    assert len(metrics) == 30
    assert metrics['recall@0.25'] < metrics['recall'] < metrics['recall@1.0']
    assert metrics['DetA@0.25'] < metrics['DetA'] < metrics['DetA@1.0']


def test_frames_may_come_in_any_order(make_faulty_video, evaluate):
    frames = make_faulty_video('a', seed=1) + make_faulty_video('b', 3, seed=2)
    expected = evaluate(frames)
    assert 0 < expected['AP'] < 1 and expected['IDSW'] > 0
    rng = np.random.default_rng(0)
    for _ in range(3):
        order = rng.permutation(len(frames))
        assert evaluate([frames[i] for i in order]) == expected


def test_batches_whole_videos_and_tensors_are_the_same(
    make_faulty_video, evaluate
):
    videos = [
        make_faulty_video('a', seed=1),
        make_faulty_video('b', 3, seed=2),
    ]
    expected = evaluate([frame for video in videos for frame in video])
    as_videos = [
        dict(video_data_samples=[as_data_sample(f) for f in video])
        for video in videos
    ]
    assert evaluate(as_videos) == expected
    metric = PoseTrackMetric()
    metric.dataset_meta = dict(
        keypoint_id2name=dict(enumerate(NAMES)), dataset_name='x'
    )
    samples = [as_data_sample(f).to_dict() for v in videos for f in v]
    metric.process({}, samples[:3])
    metric.process({}, samples[3:])
    # MMEngine gives the number of samples in the dataset: here, videos
    assert metric.evaluate(2) == expected


def test_a_metric_can_be_used_again(make_faulty_video, evaluate):
    metric = PoseTrackMetric()
    frames = make_faulty_video()
    assert evaluate(frames, metric=metric) == evaluate(frames, metric=metric)


def test_results_can_be_sent_to_another_process(make_faulty_video):
    metric = PoseTrackMetric()
    metric.dataset_meta = dict(keypoint_names=NAMES)
    metric.process({}, make_faulty_video())
    sent = pickle.loads(pickle.dumps(metric.results))
    assert metric.compute_metrics(sent) == metric.evaluate(5)


def test_log_has_a_table_by_keypoint(make_faulty_video, evaluate, logged):
    metrics = evaluate(make_faulty_video(), thresholds=(0.5, 1.0))
    table, at_one, counts = (text for _, text in logged)
    rows = {line.split()[0]: line.split() for line in table.splitlines()[3:]}
    assert list(rows) == [*NAMES, '(wrist)', 'total']
    assert rows['total'][1:3] == ['30', f'{metrics["AP"]:.4f}']
    wrists = [float(rows[f'{side}_wrist'][2]) for side in ('left', 'right')]
    assert float(rows['(wrist)'][2]) == pytest.approx(
        np.mean(wrists), abs=1e-4
    )
    assert 'PCKh 1;' in at_one
    assert counts == (
        '1 videos, 5 labelled of 5 frames, 10 labelled and 15 predicted '
        'persons in them'
    )


def test_a_keypoint_that_is_never_labelled_is_named(
    make_frame, evaluate, logged
):
    frames = [make_frame(t, {1: [0, None, 0]}, {1: 0}) for t in (0, 1)]
    assert evaluate(frames)['DetA'] == 1
    assert logged[-1][1].endswith('as never labelled: left_wrist')


def test_dump(make_faulty_video, evaluate, tmp_path):
    path = tmp_path / 'new' / 'scores.json'
    frames = make_faulty_video('a', seed=1) + make_faulty_video('b', 3, seed=2)
    metrics = evaluate(
        frames, thresholds=(1.0,), dump_file=str(path), visibility_thr=0.3
    )
    summary = json.loads(path.read_text())
    assert summary['metrics'] == metrics
    assert summary['settings'] == dict(
        keypoint_score_thr=0,
        visibility_thr=0.3,
        poseval_compat=False,
        align_tracks=False,
        thresholds=[0.5, 1.0],
    )
    assert summary['counts']['videos'] == 2
    by_video = summary['by_video']['0.5']
    assert by_video['b'].keys() == metrics.keys() - {'AP'} - {
        key for key in metrics if '@' in key
    }
    with path.with_suffix('.csv').open() as file:
        rows = list(csv.DictReader(file))
    assert [row['threshold'] for row in rows] == ['0.5'] * 5 + ['1.0'] * 5
    total = next(row for row in rows if row['joint'] == 'total')
    assert float(total['MOTA']) == metrics['MOTA']


def test_a_video_of_its_own_has_the_scores_of_by_video(
    make_faulty_video, evaluate, tmp_path
):
    path = tmp_path / 'scores.json'
    videos = [
        make_faulty_video('a', seed=1),
        make_faulty_video('b', 3, seed=2),
    ]
    evaluate(videos[0] + videos[1], dump_file=str(path))
    by_video = json.loads(path.read_text())['by_video']['0.5']
    for video in videos:
        alone = evaluate(video)
        for key, value in by_video[video[0]['video_id']].items():
            assert alone[key] == pytest.approx(value)


@pytest.mark.parametrize(
    'frames, message',
    [
        ([0, 1, 3], r'video a: 2 of 5 frames are missing \(2, 4\)'),
        ([0, 1, 2, 3, 4, 2], r'video a: 1 of 5 frames are twice \(2\)'),
    ],
)
def test_a_video_must_be_complete(
    make_faulty_video, evaluate, frames, message
):
    video = make_faulty_video()
    with pytest.raises(ValueError, match=message):
        evaluate([video[i] for i in frames] + make_faulty_video('b', 2))


def test_frames_must_fit_their_video(make_frame, evaluate):
    frames = [make_frame(0, {1: 0}, {}), make_frame(2, {1: 0}, {})]
    with pytest.raises(ValueError, match='frame 2 is not in video a of 2'):
        evaluate(frames)
    frames[1] = make_frame(1, {1: 0}, {}, num_frames=3)
    with pytest.raises(ValueError, match=r'video a .* num_frames is \[2, 3\]'):
        evaluate(frames)


@pytest.mark.parametrize(
    'instances, ids',
    [
        ('gt_instances', [3, 3]),
        ('gt_instances', [0, -2]),
        ('pred_instances', [3, 3]),
        ('pred_instances', [0, -1]),
    ],
)
def test_ids_must_be_unique_in_a_frame(make_frame, evaluate, instances, ids):
    frame = make_frame(0, {1: 0, 2: 9}, {1: 0, 2: 9})
    frame[instances]['track_ids'] = np.array(ids)
    message = f'{instances} of frame 0 of video a: track_ids'
    with pytest.raises(ValueError, match=message):
        evaluate([frame])


def test_what_is_missing_is_named(make_frame, evaluate):
    frame = make_frame(0, {1: 0}, {1: 0})
    frame.pop('num_frames')
    with pytest.raises(ValueError, match='lacks num_frames: add .* meta_keys'):
        evaluate([frame])
    frame = make_frame(0, {1: 0}, {1: 0})
    frame['pred_instances'].pop('track_ids')
    message = 'pred_instances of frame 0 of video a lack track_ids'
    with pytest.raises(ValueError, match=message):
        evaluate([frame])
    frame.pop('pred_instances')
    with pytest.raises(ValueError, match='video a has no pred_instances'):
        evaluate([frame])


def test_shapes_are_checked_except_of_no_person(make_frame, evaluate):
    frames = [make_frame(t, {1: 0}, {}) for t in (0, 1)]
    for key in frames[0]['pred_instances']:
        frames[0]['pred_instances'][key] = np.zeros(0)
    assert evaluate(frames)['recall'] == 0
    frames[0]['gt_instances']['keypoints'] = np.zeros((1, 4, 2))
    with pytest.raises(
        ValueError, match=r'shape \(1, 4, 2\), not \(1, 3, 2\)'
    ):
        evaluate(frames)


def test_nothing_to_measure_is_an_error(make_frame, evaluate):
    frames = [make_frame(t, {}, {1: 0}, is_labeled=False) for t in (0, 1)]
    with pytest.raises(
        ValueError, match='no keypoint is labelled in 2 frames'
    ):
        evaluate(frames)


@pytest.mark.parametrize(
    'options',
    [
        dict(thresholds=(0.0,)),
        dict(keypoint_keys=('mAP',)),
        dict(dump_file='scores.csv'),
    ],
)
def test_wrong_options(options):
    with pytest.raises(ValueError):
        PoseTrackMetric(**options)


def test_names_of_the_keypoints_are_needed(make_frame):
    metric = PoseTrackMetric()
    with pytest.raises(ValueError, match='keypoint_names'):
        metric.process({}, [make_frame(0, {1: 0}, {})])
