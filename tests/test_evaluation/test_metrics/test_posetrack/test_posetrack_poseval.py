# Copyright (c) cape_mm contributors. All rights reserved.
"""The switch for poseval's rules: each difference, and poseval itself."""

from __future__ import annotations

import json

import numpy as np
import pytest

from cape_mm.datasets.formats.posetrack import POSETRACK18_KEYPOINTS
from cape_mm.evaluation.metrics.posetrack.posetrack_frames import read_frame
from cape_mm.evaluation.metrics.posetrack.posetrack_report import (
    count_videos,
    report_counts,
)

REGION = np.array([[90, -10], [200, -10], [200, 10], [90, 10]])
EARS = ('left_ear', 'right_ear')
NAMES = [name for name in POSETRACK18_KEYPOINTS if name not in EARS]
COLUMNS = [POSETRACK18_KEYPOINTS.index(name) for name in NAMES]


@pytest.fixture
def evaluate_both(evaluate):
    """Scores by our rules and by poseval's."""

    def run(frames):
        for t, frame in enumerate(frames):
            frame.update(frame_id=t, num_frames=len(frames))
        return evaluate(frames), evaluate(frames, poseval_compat=True)

    return run


def test_labelled_frames_without_persons(make_frame, evaluate_both):
    good = make_frame(0, {1: 0}, {1: 0})
    empty = make_frame(0, {}, {7: 0})
    ours, theirs = evaluate_both([good, empty, dict(good), dict(good)])
    assert ours['MOTA'] == pytest.approx(1 - 1 / 3) and ours['AP'] < 1
    assert theirs['MOTA'] == theirs['AP'] == theirs['IDF1'] == 1
    videos = dict(a=[read_frame(frame, 3) for frame in (good, empty)])
    counts = count_videos(videos, 'abc')
    assert counts['empty_frames'] == 1
    assert '1 labelled frames have no persons' in report_counts(counts)[1]


def test_last_frame_of_a_video(make_frame, evaluate_both):
    frames = [make_frame(0, {1: 0}, {1: x}) for x in (0, 0, 90)]
    ours, theirs = evaluate_both(frames)
    assert ours['recall'] == pytest.approx(2 / 3) and theirs['recall'] == 1
    for key in ('AP', 'IDF1', 'HOTA'):
        assert ours[key] == theirs[key] < 1


def test_a_video_of_one_frame_has_no_clear_mot(make_frame, evaluate_both):
    ours, theirs = evaluate_both([make_frame(0, {1: 0}, {1: 0})])
    assert ours['MOTA'] == 1 and np.isnan(theirs['MOTA'])
    assert theirs['AP'] == theirs['IDF1'] == 1


def test_labels_without_predictions(make_frame, evaluate_both):
    persons = {1: 0, 2: 30, 3: 60}
    frames = [
        make_frame(0, persons, predicted)
        for predicted in (persons, {}, persons)
    ]
    ours, theirs = evaluate_both(frames)
    assert ours['recall'] == pytest.approx(6 / 9) and ours['precision'] == 1
    # one miss instead of three, and a false positive; the last frame is out
    assert theirs['recall'] == theirs['precision'] == pytest.approx(3 / 4)


def test_keypoints_in_ignore_regions(make_frame, evaluate_both):
    frames = [
        make_frame(
            0,
            {1: 0, 2: [100, 100, 80]},
            {1: 0, 2: [100, 0, 90.5]},
            ignore_regions=[REGION],
        )
        for _ in range(3)
    ]
    ours, theirs = evaluate_both(frames)
    # the nose of person 2 is a hit; one wrist is a miss, and false outside
    # of the region; the other is a miss, and false inside, which is forgiven
    assert ours['recall'] == pytest.approx((1 + 1 / 2 + 1 / 2) / 3)
    assert ours['precision'] == pytest.approx((1 + 1 / 2 + 1) / 3)
    # only the label of the last wrist is left of person 2
    assert theirs['recall'] == pytest.approx((1 + 1 + 1 / 2) / 3)
    assert theirs['precision'] == pytest.approx((1 + 1 / 2 + 1) / 3)


def test_persons_in_ignore_regions_vanish(make_frame, evaluate_both):
    inside = make_frame(
        0, {2: 100}, {5: 0}, scores=0.5, ignore_regions=[REGION]
    )
    frames = [make_frame(0, {1: 0}, {1: 0}), inside, dict(inside)]
    _, theirs = evaluate_both(frames)
    # the frame has no persons, but had some: one miss, one false positive
    assert theirs['recall'] == theirs['precision'] == pytest.approx(1 / 2)
    assert theirs['AP'] == 1


def test_who_keeps_a_track(make_frame, evaluate_both):
    frames = [
        make_frame(0, {1: 0, 2: 50}, {7: 0}),
        make_frame(0, {1: 0, 2: 50}, {7: 50}),
        make_frame(0, {1: 0, 2: 2}, {7: 1, 8: 3}),
        make_frame(0, {1: 0, 2: 50}, {}),
    ]
    ours, theirs = evaluate_both(frames)
    # ours: person 2 keeps track 7 (1 px), person 1 takes track 8 (3 px)
    assert ours['MOTP'] == pytest.approx(1 - 0.4 / 4)
    # theirs: person 1 keeps track 7 (1 px), person 2 takes track 8 (1 px)
    assert theirs['MOTP'] == pytest.approx(1 - 0.2 / 4)


def test_predictions_of_equal_score(make_frame, evaluate_both):
    frames = [
        make_frame(0, {1: 0}, persons)
        for persons in ({5: 90, 1: 0}, {1: 0}, {1: 0})
    ]
    ours, theirs = evaluate_both(frames)
    assert ours['AP'] == pytest.approx(3 / 4)
    # the three hits come before the false one, which was the first
    assert theirs['AP'] == 1


def test_motp_without_any_match(make_frame, evaluate_both):
    frames = [make_frame(0, {1: 0}, {1: [0, 0, 90]}) for _ in range(3)]
    ours, theirs = evaluate_both(frames)
    assert ours['MOTP'] == 1 and theirs['MOTP'] == pytest.approx(2 / 3)


def make_chaos(rng, video_id):
    """A video with swaps, gaps, doubles, ignore regions, unlabelled frames."""
    num_frames, num_persons = int(rng.integers(8, 20)), int(rng.integers(1, 7))
    places = rng.uniform(50, 250, (num_persons, 15, 2))
    speed = rng.normal(0, 6, (num_persons, 1, 2))
    heads = rng.uniform(15, 60, (num_persons, 2))
    track_ids = rng.permutation(50)[:num_persons]
    frames = []
    for t in range(num_frames):
        now = places + speed * t
        is_labeled = bool(rng.random() < 0.9)
        there = rng.permutation(num_persons)[rng.random(num_persons) < 0.85]
        there = there if is_labeled and rng.random() < 0.92 else there[:0]
        found = np.flatnonzero(rng.random(num_persons) < 0.85)
        found = found if rng.random() < 0.92 else found[:0]
        if rng.random() < 0.4:
            found = np.append(found, found[:1])
        ids = track_ids[found] + 100
        ids[:-1] = (
            rng.permutation(ids[:-1]) if rng.random() < 0.3 else ids[:-1]
        )
        if len(np.unique(ids)) < len(ids):
            ids[-1] = 300 + t
        points = now[found] + rng.normal(0, 6, (len(found), 15, 2))
        shape = points.shape[:2]
        points[rng.random(shape) < 0.1] = np.nan
        corner = rng.uniform(0, 250, 2)
        region = corner + np.array([[0, 0], [70, 5], [80, 60], [5, 75]])
        low = now[there, 0]
        frames.append(
            dict(
                video_id=video_id,
                frame_id=t,
                num_frames=num_frames,
                is_labeled=is_labeled,
                img_path=f'images/val/{video_id}/{t:06d}.jpg',
                ori_shape=(300, 300),
                ignore_regions=[region] if rng.random() < 0.5 else [],
                gt_instances=dict(
                    keypoints=now[there].round(2),
                    keypoints_visible=rng.random((len(there), 15)) < 0.8,
                    bbox_head=np.hstack([low, low + heads[there]]).round(2),
                    track_ids=track_ids[there],
                ),
                pred_instances=dict(
                    keypoints=points.round(2),
                    keypoint_scores=rng.random(shape),
                    keypoints_visible=np.ones(shape),
                    track_ids=ids,
                    bbox_scores=np.ones(len(found)),
                ),
            )
        )
    return frames


def write_truth(folder, frames):
    """The labels of one video as poseval reads them."""
    images, annotations = [], []
    for frame in frames:
        regions = frame['ignore_regions']
        images.append(
            dict(
                id=frame['frame_id'],
                file_name=frame['img_path'],
                is_labeled=frame['is_labeled'],
                ignore_regions_x=[part[:, 0].tolist() for part in regions],
                ignore_regions_y=[part[:, 1].tolist() for part in regions],
            )
        )
        for points, visible, (x1, y1, x2, y2), track_id in zip(
            *(
                frame['gt_instances'][key]
                for key in (
                    'keypoints',
                    'keypoints_visible',
                    'bbox_head',
                    'track_ids',
                )
            )
        ):
            table = np.zeros((17, 3))
            table[COLUMNS, :2] = points
            table[COLUMNS, 2] = visible
            annotations.append(
                dict(
                    image_id=frame['frame_id'],
                    track_id=int(track_id),
                    bbox_head=[x1, y1, x2 - x1, y2 - y1],
                    keypoints=(table * (table[:, 2:] > 0)).ravel().tolist(),
                )
            )
    category = dict(name='person', keypoints=list(POSETRACK18_KEYPOINTS))
    folder.mkdir(exist_ok=True)
    (folder / f'{frames[0]["video_id"]}.json').write_text(
        json.dumps(
            dict(images=images, annotations=annotations, categories=[category])
        )
    )


@pytest.mark.parametrize('seed', range(3))
def test_scores_are_those_of_poseval(evaluate, tmp_path, seed):
    helpers = pytest.importorskip('poseval.eval_helpers')
    from poseval.evaluateAP import evaluateAP
    from poseval.evaluateTracking import evaluateTracking

    rng = np.random.default_rng(seed)
    videos = [make_chaos(rng, f'00000{i}_mpii_test') for i in range(3)]
    for video in videos:
        write_truth(tmp_path / 'truth', video)
    ours = evaluate(
        [frame for video in videos for frame in video],
        NAMES,
        poseval_compat=True,
        export_dir=str(tmp_path / 'predicted'),
    )
    folders = ['', f'{tmp_path}/truth/', f'{tmp_path}/predicted/']
    frames = helpers.load_data_dir(folders)
    precisions, _, _ = evaluateAP(*frames, None, False, False)
    tracking = evaluateTracking(*frames, None, False, False)
    assert 0 < ours['AP'] < 1 and ours['MOTA'] < 1
    assert ours['AP'] == pytest.approx(precisions[-1, 0] / 100)
    for key, name in (
        ('MOTA', 'mota'),
        ('precision', 'pre'),
        ('recall', 'rec'),
    ):
        assert ours[key] == pytest.approx(tracking[name][0, -1] / 100)
