# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import json
import logging

import numpy as np
import pytest
from xtcocotools.coco import COCO

from cape_mm.datasets.formats.posetrack import POSETRACK18_KEYPOINTS

EARS = ('left_ear', 'right_ear')
NAMES = [name for name in POSETRACK18_KEYPOINTS if name not in EARS]


@pytest.fixture
def make_video(make_frame):
    """Make a video with 15 keypoints that are all different."""

    def make(ids_of_frames, names=NAMES, **metainfo):
        frames = []
        for t, ids in enumerate(ids_of_frames):
            shape = (len(ids), len(names))
            rng = np.random.default_rng(t)
            frame = make_frame(
                t, {}, {}, num_frames=len(ids_of_frames), **metainfo
            )
            frame['pred_instances'] = dict(
                keypoints=rng.uniform(1, 50, (*shape, 2)),
                keypoint_scores=rng.uniform(0.2, 1, shape),
                keypoints_visible=np.ones(shape),
                track_ids=np.array(ids, dtype=int),
                bbox_scores=rng.uniform(0, 1, len(ids)),
            )
            predicted = frame['pred_instances']['keypoints']
            frame['gt_instances'] = dict(
                keypoints=predicted.copy(),
                keypoints_visible=np.ones(shape),
                bbox_head=np.tile([0, 0, 10, 10], (len(ids), 1)),
                track_ids=np.array(ids, dtype=int),
            )
            frames.append(frame)
        return frames

    return make


def read(path):
    """What a reader of PoseTrack18's files gets, by frame."""
    coco = COCO(str(path))
    frames = []
    for image in coco.loadImgs(sorted(coco.getImgIds())):
        records = coco.loadAnns(coco.getAnnIds(imgIds=[image['id']]))
        frames.append((image, sorted(records, key=lambda r: r['track_id'])))
    return coco, frames


def test_files_hold_what_was_predicted(make_video, evaluate, tmp_path):
    video = make_video([[70001, 5], [5], []], img_id=None)
    for frame, number in zip(video, (10, 11, 12)):
        frame['img_id'] = number
    evaluate(video, NAMES, export_dir=str(tmp_path / 'out'))
    assert [p.name for p in (tmp_path / 'out').iterdir()] == ['a.json']
    coco, frames = read(tmp_path / 'out' / 'a.json')
    assert coco.cats[1]['keypoints'] == list(POSETRACK18_KEYPOINTS)
    assert [image['id'] for image, _ in frames] == [10, 11, 12]
    assert frames[1][0]['file_name'] == 'images/val/a/000001.jpg'
    assert frames[1][0]['nframes'] == 3 and frames[1][0]['vid_id'] == 'a'
    # tracks are numbered as they appear
    ids = [[record['track_id'] for record in records] for _, records in frames]
    assert ids == [[0, 1], [1], []]
    columns = [POSETRACK18_KEYPOINTS.index(name) for name in NAMES]
    for (_, records), frame in zip(frames, video):
        predicted = frame['pred_instances']
        for person, record in enumerate(records):
            points = np.reshape(record['keypoints'], (17, 3))
            assert points[columns, :2] == pytest.approx(
                predicted['keypoints'][person], abs=1e-3
            )
            assert (points[columns, 2] == 1).all()
            assert not points[3:5].any()
            scores = np.array(record['scores'])[columns]
            assert scores == pytest.approx(
                predicted['keypoint_scores'][person]
            )
            assert record['score'] == predicted['bbox_scores'][person]
            x, y, width, height = record['bbox']
            assert [x, y] == pytest.approx(points[columns, :2].min(0))
            assert [x + width, y + height] == pytest.approx(
                points[columns, :2].max(0)
            )


def test_keypoints_that_are_not_tracked_are_left_out(
    make_video, evaluate, tmp_path
):
    video = make_video([[1, 2]])
    scores = video[0]['pred_instances']['keypoint_scores']
    scores[0, 2:], scores[1] = 0.1, 0.1
    options = dict(keypoint_score_thr=0.15, export_dir=str(tmp_path))
    evaluate(video, NAMES, **options)
    _, [(_, [record])] = read(tmp_path / 'a.json')
    points = np.reshape(record['keypoints'], (17, 3))
    assert points[:, 2].sum() == record['num_keypoints'] == 2
    assert not points[2:].any() and not any(record['scores'][2:])
    evaluate(video, NAMES, export_all_keypoints=True, **options)
    _, [(_, records)] = read(tmp_path / 'a.json')
    assert [record['num_keypoints'] for record in records] == [15, 15]


def test_a_split_without_labels_is_exported_not_scored(
    make_video, evaluate, logged, tmp_path
):
    video = make_video([[1], [1, 2]], is_labeled=False)
    for frame in video:
        frame.pop('gt_instances')
    assert evaluate(video, NAMES, export_dir=str(tmp_path)) == {}
    _, frames = read(tmp_path / 'a.json')
    assert [len(records) for _, records in frames] == [1, 2]
    (warning,) = (text for level, text in logged if level == logging.WARNING)
    assert warning.startswith('no keypoint is labelled in 2 frames')


def test_ears_are_accepted_and_not_exported(make_video, evaluate, tmp_path):
    names = list(POSETRACK18_KEYPOINTS)
    evaluate(make_video([[1]], names), names, export_dir=str(tmp_path))
    _, [(_, [record])] = read(tmp_path / 'a.json')
    points = np.reshape(record['keypoints'], (17, 3))
    assert not points[3:5].any() and (points[5:, 2] == 1).all()


def test_keypoints_of_another_kind_cannot_be_exported(
    make_frame, evaluate, tmp_path
):
    frames = [make_frame(t, {1: 0}, {1: 0}) for t in (0, 1)]
    with pytest.raises(ValueError, match='head_bottom, head_top'):
        evaluate(frames, export_dir=str(tmp_path))


def test_a_video_must_have_a_file_name(make_video, evaluate, tmp_path):
    video = make_video([[1]], video_id='bonn/1')
    with pytest.raises(ValueError, match="'bonn/1' is no name of a file"):
        evaluate(video, NAMES, export_dir=str(tmp_path))


def test_exported_files_are_plain_json(make_video, evaluate, tmp_path):
    video = make_video([[1]], img_path='/somewhere/else/000000.png')
    evaluate(video, NAMES, export_dir=str(tmp_path))
    content = json.loads((tmp_path / 'a.json').read_text())
    (image,) = content['images']
    # without an id of the file, the frame's index
    assert image['id'] == 0
    assert image['file_name'] == '/somewhere/else/000000.png'
    assert (image['width'], image['height']) == (80, 60)
