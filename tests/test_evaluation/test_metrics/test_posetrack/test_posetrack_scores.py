# Copyright (c) cape_mm contributors. All rights reserved.
"""What counts, and how much."""

from __future__ import annotations

import logging
import math

import numpy as np
import pytest

ALL = (
    'AP',
    'MOTA',
    'MOTP',
    'precision',
    'recall',
    'IDF1',
    'HOTA',
    'DetA',
    'AssA',
)
REGION = np.array([[90, -10], [200, -10], [200, 10], [90, 10]])


def test_perfect_predictions(make_frame, evaluate):
    metrics = evaluate(
        [make_frame(t, {1: 0, 2: 50}, {4: 50, 9: 0}) for t in (0, 1)]
    )
    assert metrics == dict(dict.fromkeys(ALL, 1.0), IDSW=0.0)


def test_half_a_head_is_the_threshold(make_frame, evaluate):
    near = [make_frame(t, {1: 0}, {1: 5}) for t in (0, 1)]
    assert evaluate(near)['recall'] == 1
    far = [make_frame(t, {1: 0}, {1: 5.1}) for t in (0, 1)]
    assert evaluate(far)['recall'] == 0


def test_head_of_the_labelled_person_is_the_unit(make_frame, evaluate):
    frames = [make_frame(t, {1: 0}, {1: 9}) for t in (0, 1)]
    assert evaluate(frames)['recall'] == 0
    for frame in frames:
        boxes = frame['gt_instances']['bbox_head']
        frame['gt_instances']['bbox_head'] = boxes * 2
    assert evaluate(frames)['recall'] == 1


def test_totals_are_means_over_keypoints(make_frame, evaluate):
    frames = [
        make_frame(0, {1: [0, 0, None]}, {1: [0, 90, None]}),
        make_frame(1, {1: [0, None, None]}, {1: [0, None, None]}),
    ]
    metrics = evaluate(frames, keypoint_keys=('MOTA', 'AP', 'recall'))
    # the wrist: one miss and one false positive of one label; the other
    # wrist is never labelled
    assert metrics['MOTA_nose'] == 1 and metrics['MOTA_left_wrist'] == -1
    assert metrics['MOTA'] == 0
    assert metrics['AP_left_wrist'] == 0 and metrics['AP'] == 0.5
    assert metrics['recall'] == 0.5
    assert 'MOTA_right_wrist' not in metrics


def test_videos_add_up_before_a_score_is_taken(make_frame, evaluate):
    frames = [
        make_frame(
            t,
            {1: 0},
            {1: 0 if video == 'a' else 90},
            video_id=video,
            num_frames=n,
        )
        for video, n in (('a', 3), ('b', 1))
        for t in range(n)
    ]
    metrics = evaluate(frames)
    assert metrics['recall'] == metrics['precision'] == pytest.approx(3 / 4)
    assert metrics['MOTA'] == pytest.approx(1 - 2 / 4)
    assert metrics['IDF1'] == pytest.approx(3 / 4)
    assert metrics['DetA'] == pytest.approx(3 / 5)


def test_ids_belong_to_their_video(make_frame, evaluate):
    """The same person and track ids in two videos have no relation."""
    frames = [
        make_frame(t, {1: 0}, {track: 0}, video_id=video)
        for video, track in (('a', 7), ('b', 8))
        for t in (0, 1)
    ]
    metrics = evaluate(frames)
    assert metrics['IDSW'] == 0 and metrics['IDF1'] == metrics['AssA'] == 1


def test_switch_of_one_keypoint(make_frame, evaluate):
    frames = [
        make_frame(0, {1: 0}, {7: 0}),
        make_frame(1, {1: 0}, {7: [0, None, None], 8: [None, 0, 0]}),
    ]
    metrics = evaluate(frames, keypoint_keys=('IDSW',))
    assert metrics['IDSW_nose'] == 0 and metrics['IDSW_left_wrist'] == 1
    assert metrics['IDSW'] == pytest.approx(2 / 3)
    assert metrics['MOTA'] == pytest.approx(1 - (0 + 0.5 + 0.5) / 3)


def test_a_keypoint_without_label_is_no_miss_but_a_false_positive(
    make_frame, evaluate
):
    """As in poseval, also where the person is matched."""
    silent = [
        make_frame(
            t, {1: [0, 0, None if t else 0]}, {1: [0, 0, None if t else 0]}
        )
        for t in (0, 1)
    ]
    assert evaluate(silent)['MOTA'] == evaluate(silent)['AP'] == 1
    talking = [
        make_frame(t, {1: [0, 0, None if t else 0]}, {1: 0}) for t in (0, 1)
    ]
    metrics = evaluate(talking, keypoint_keys=('AP', 'MOTA', 'recall'))
    assert metrics['recall'] == 1
    assert metrics['MOTA_right_wrist'] == 0
    assert metrics['AP_right_wrist'] == 0.5
    assert metrics['MOTA'] == pytest.approx(2 / 3)


def test_thresholds_take_keypoints_from_tracking_but_not_from_ap(
    make_frame, evaluate
):
    truth = {1: [0, 0, None]}
    frames = [
        make_frame(
            t,
            truth if t else {1: 0},
            {1: 0},
            scores=[0.9, 0.4, 0.8],
            visibility=[1, 1, 0.2 if t else 0.9],
        )
        for t in (0, 1)
    ]
    metrics = evaluate(frames, keypoint_keys=('AP', 'MOTA'))
    assert metrics['MOTA_right_wrist'] == 0
    by_score = evaluate(
        frames, keypoint_score_thr=0.5, keypoint_keys=('AP', 'MOTA')
    )
    assert by_score['MOTA_left_wrist'] == 0 and by_score['MOTA_nose'] == 1
    by_sight = evaluate(
        frames, visibility_thr=0.5, keypoint_keys=('AP', 'MOTA')
    )
    assert by_sight['MOTA'] == 1 and by_sight['IDF1'] == by_sight['HOTA'] == 1
    for other in (by_score, by_sight):
        for name in ('nose', 'left_wrist', 'right_wrist'):
            assert other[f'AP_{name}'] == metrics[f'AP_{name}']
    # an equal score is not below the threshold
    assert evaluate(frames, keypoint_score_thr=0.4)['recall'] == 1


def test_ap_uses_the_scores_of_the_keypoints(make_frame, evaluate):
    def frames(score_of_false):
        return [
            make_frame(t, {1: 0}, {1: 0, 2: 90}, scores=scores)
            for t in (0, 1)
            for scores in [np.array([[0.5] * 3, [score_of_false] * 3])]
        ]

    assert evaluate(frames(0.4))['AP'] == 1
    assert evaluate(frames(0.6))['AP'] == pytest.approx(0.5)
    assert evaluate(frames(0.5))['AP'] == pytest.approx(0.5)


def test_a_second_prediction_of_a_person_is_false(make_frame, evaluate):
    frames = [make_frame(t, {1: 0}, {1: 1, 2: 0}) for t in (0, 1)]
    metrics = evaluate(frames)
    assert metrics['AP'] == 0.5 and metrics['precision'] == 0.5


def test_unmatched_keypoints_in_an_ignore_region_do_not_count(
    make_frame, evaluate
):
    frames = [
        make_frame(
            t,
            {1: 0, 2: 100},
            {1: 0, 2: 100, 3: 110, 4: [0, None, None]},
            ignore_regions=[REGION],
        )
        for t in (0, 1)
    ]
    metrics = evaluate(frames, keypoint_keys=('AP', 'MOTA', 'IDF1'))
    # person 2 is found there and counts, track 3 does not, track 4 does
    assert metrics['recall'] == 1
    assert metrics['MOTA_nose'] == 0.5 and metrics['MOTA_left_wrist'] == 1
    assert metrics['AP_left_wrist'] == metrics['IDF1_left_wrist'] == 1
    assert metrics['AP_nose'] == pytest.approx(2 / 3)
    for frame in frames:
        frame['ignore_regions'] = []
    assert evaluate(frames, keypoint_keys=('MOTA',))['MOTA_left_wrist'] == 0.5


def test_frames_without_labels_are_not_scored(make_frame, evaluate):
    frames = [
        make_frame(0, {1: 0}, {1: 0}, num_frames=3),
        make_frame(1, {}, {1: 0, 5: 90}, num_frames=3, is_labeled=False),
        make_frame(2, {1: 0}, {1: 0}, num_frames=3),
    ]
    assert evaluate(frames)['MOTA'] == 1
    frames[1].pop('gt_instances')
    assert evaluate(frames)['MOTA'] == 1
    # a labelled frame without persons is scored
    frames[1] = make_frame(1, {}, {1: 0, 5: 90}, num_frames=3)
    metrics = evaluate(frames)
    assert metrics['MOTA'] == 0 and metrics['AP'] < 1


def test_a_head_without_size_is_reported(make_frame, evaluate, logged):
    frames = [make_frame(t, {1: 0, 2: 50}, {1: 0, 2: 50}) for t in (0, 1)]
    frames[0]['gt_instances']['bbox_head'][1, 2:] = 0
    frames[0]['gt_instances']['bbox_head'][1, :2] = 0
    assert evaluate(frames)['recall'] == pytest.approx(3 / 4)
    warnings = [text for level, text in logged if level == logging.WARNING]
    assert len(warnings) == 1 and warnings[0].startswith('1 labelled persons')


def test_no_predictions_at_all(make_frame, evaluate):
    metrics = evaluate([make_frame(t, {1: 0}, {}) for t in (0, 1)])
    for key in ('AP', 'MOTA', 'recall', 'IDF1', 'HOTA', 'IDSW'):
        assert metrics[key] == 0
    assert math.isnan(metrics['precision']) and math.isnan(metrics['MOTP'])


def test_alignment_is_an_option(make_frame, evaluate):
    frames = [
        make_frame(
            t, {1: 0}, {7: 0.5} if t < 3 else {7: 1, 8: 0.5}, num_frames=4
        )
        for t in range(4)
    ]
    plain = evaluate(frames)
    aligned = evaluate(frames, align_tracks=True)
    assert aligned['AssA'] > plain['AssA']
    assert {**aligned, 'HOTA': 0, 'DetA': 0, 'AssA': 0} == {
        **plain,
        'HOTA': 0,
        'DetA': 0,
        'AssA': 0,
    }


def test_gaussian_noise_gives_the_expected_scores(make_frame, evaluate):
    rng = np.random.default_rng(0)
    frames = []
    for t in range(100):
        persons = {i: 1000 * i for i in range(10)}
        frame = make_frame(t, persons, persons, num_frames=100)
        noise = rng.normal(0, 2, (10, 3, 2))
        frame['pred_instances']['keypoints'] += noise
        frames.append(frame)
    metrics = evaluate(frames)
    # a Rayleigh distribution, cut at 5 px
    hits = 1 - math.exp(-(5**2) / (2 * 2**2))
    assert metrics['recall'] == pytest.approx(hits, abs=0.01)
    assert metrics['MOTA'] == pytest.approx(2 * hits - 1, abs=0.02)
    assert metrics['IDF1'] == pytest.approx(hits, abs=0.01)
    # all scores are equal: one point of the curve
    assert metrics['AP'] == pytest.approx(hits**2, abs=0.02)
    assert metrics['IDSW'] == 0
