# Copyright (c) cape_mm contributors. All rights reserved.
"""Labels that lack something, from the file to the scores."""

from __future__ import annotations

import logging

import numpy as np
import pytest
from mmengine.structures import InstanceData
from support.clip_samples import PLAIN, person_points, track_id, write_videos

from cape_mm.datasets.formats.posetrack import keypoint_names
from cape_mm.registry import DATASETS

NAMES = keypoint_names('posetrack15')
KEPT = [0, 1, 2, *range(5, 17)]
NUM_FRAMES, NUM_PERSONS = 4, 3
POSES = NUM_FRAMES * NUM_PERSONS


@pytest.fixture
def read_frames(tmp_path):
    """Make a video of four frames and read it as a dataset for tests.

    ``edit`` gets the annotation of each person by frame and person. All
    persons are predicted in their true places, with a track each.
    """

    def read(edit):
        def edit_contents(contents):
            annotations = contents['000001_a']['annotations']
            edit(np.reshape(annotations, (NUM_FRAMES, NUM_PERSONS)))

        cfg = write_videos(tmp_path, (NUM_FRAMES,), edit_contents)
        cfg.update(test_mode=True, pipeline=PLAIN)
        dataset = DATASETS.build(cfg)
        frames = []
        for index in range(len(dataset)):
            (frame,) = dataset[index]['data_samples'].centers
            points = np.stack(
                [
                    person_points(number, index)[KEPT, :2]
                    for number in range(NUM_PERSONS)
                ]
            )
            frame.pred_instances = InstanceData(
                keypoints=points,
                keypoint_scores=np.ones(points.shape[:2]),
                keypoints_visible=np.ones(points.shape[:2]),
                track_ids=np.arange(NUM_PERSONS),
                bbox_scores=np.ones(NUM_PERSONS),
            )
            frames.append(frame.to_dict())
        return frames

    return read


def warnings(logged):
    return [text for level, text in logged if level == logging.WARNING]


def test_unknown_identities_count_and_never_switch(
    read_frames, evaluate, logged
):
    def edit(annotations):
        for frame, person in ((1, 1), (2, 1), (2, 2)):
            del annotations[frame, person]['track_id']

    metrics = evaluate(read_frames(edit), NAMES)
    for key in ('AP', 'MOTA', 'precision', 'recall', 'DetA'):
        assert metrics[key] == 1, key
    assert metrics['IDSW'] == 0
    # three are persons of one frame; the tracks belong to others
    assert metrics['IDF1'] == pytest.approx((POSES - 3) / POSES)
    assert metrics['AssA'] < 1
    (warning,) = warnings(logged)
    assert warning.startswith('3 labelled persons have no track id')


def test_a_repeated_identity_is_unknown(read_frames, evaluate):
    def edit(annotations):
        annotations[1, 2]['track_id'] = track_id(0)

    metrics = evaluate(read_frames(edit), NAMES)
    assert metrics['MOTA'] == metrics['AP'] == 1 and metrics['IDSW'] == 0
    assert metrics['IDF1'] == pytest.approx((POSES - 1) / POSES)


def test_unknown_identities_are_no_switch_for_others(read_frames, evaluate):
    def edit(annotations):
        del annotations[1, 1]['track_id']

    frames = read_frames(edit)
    # tracks 1 and 2 are exchanged from the second frame on
    for frame in frames[1:]:
        frame['pred_instances']['track_ids'] = np.array([0, 2, 1])
    metrics = evaluate(frames, NAMES)
    # person 2 in the second frame, person 1 when it is known again
    assert metrics['IDSW'] == 2 and metrics['recall'] == 1


def test_persons_without_head_box_are_missed(read_frames, evaluate, logged):
    def edit(annotations):
        del annotations[1, 1]['bbox_head']

    metrics = evaluate(read_frames(edit), NAMES)
    share = (POSES - 1) / POSES
    assert metrics['recall'] == metrics['precision'] == pytest.approx(share)
    assert metrics['AP'] < 1
    (warning,) = warnings(logged)
    assert warning.startswith('1 labelled persons have no head box')


def test_predictions_of_persons_without_keypoints_are_false(
    read_frames, evaluate
):
    def edit(annotations):
        annotations[1, 1]['keypoints'] = []

    frames = read_frames(edit)
    assert len(frames[1]['ignore_bboxes']) == 1
    metrics = evaluate(frames, NAMES)
    assert metrics['recall'] == 1
    assert metrics['precision'] == pytest.approx((POSES - 1) / POSES)
