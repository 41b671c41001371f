# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cape_mm.datasets.formats.annotation_report import AnnotationReport
from cape_mm.datasets.formats.posetrack import (
    POSETRACK_PROBLEMS,
    AnnotatedPerson,
    pack_frame,
)

PERSON = AnnotatedPerson(
    record='annotation 1',
    keypoints=np.array([[1, 2, 2], [9, 6, 1], [0, 0, 0]], np.float32),
    track_id=4,
    bbox=np.array([0, 1, 10, 11], np.float32),
    head_box=np.array([0, 0, 3, 4], np.float32),
    area=50.0,
)


@pytest.fixture
def report():
    return AnnotationReport('file', problems=POSETRACK_PROBLEMS)


def pack(report, *persons, is_labeled=True, **kwargs):
    frame = dict(
        file_name='a/000001.jpg',
        is_labeled=is_labeled,
        persons=persons,
        ignore_regions=[],
    )
    packed = pack_frame(frame, 3, report, **kwargs)
    assert 'persons' not in packed
    return packed['instances'], packed['ignore_bboxes']


def test_usual_persons_are_packed_as_they_are(report):
    instances, ignored = pack(report, PERSON)
    assert instances['keypoints'].tolist() == [[[1, 2], [9, 6], [0, 0]]]
    assert instances['keypoints_visible'].tolist() == [[1, 1, 0]]
    assert instances['bboxes'].tolist() == [[0, 1, 10, 11]]
    assert instances['bbox_head'].tolist() == [[0, 0, 3, 4]]
    assert instances['areas'].tolist() == [50]
    assert instances['track_ids'].tolist() == [4]
    assert ignored.shape == (0, 4) and not report


def test_hidden_keypoints_can_be_dropped(report):
    only_hidden = replace(
        PERSON, keypoints=PERSON.keypoints * [1, 1, 0.5], track_id=5
    )
    instances, ignored = pack(report, PERSON, only_hidden, keep_hidden=False)
    assert instances['keypoints_visible'].tolist() == [[1, 0, 0]]
    assert instances['keypoints'][0].tolist() == [[1, 2], [0, 0], [0, 0]]
    assert ignored.tolist() == [[0, 1, 10, 11]]


def test_crowds_and_persons_without_keypoint_become_ignored_boxes(report):
    unlabelled = replace(PERSON, keypoints=np.zeros((3, 3), np.float32))
    persons = [
        replace(PERSON, is_crowd=True),
        unlabelled,
        replace(unlabelled, bbox=None),
        replace(unlabelled, bbox=None, head_box=None),
        PERSON,
    ]
    instances, ignored = pack(report, *persons)
    assert instances['track_ids'].tolist() == [4]
    assert ignored.tolist() == [
        [0, 1, 10, 11],
        [0, 1, 10, 11],
        [0, 0, 3, 4],
    ]
    assert report.counts == dict(crowd=1, no_keypoint=3, no_place=1)
    assert 'a/000001.jpg, annotation 1' in str(report)


def test_boxes_are_made_of_keypoints_as_in_posetrack18(report):
    persons = [
        replace(PERSON, bbox=None, area=None),
        replace(PERSON, bbox=np.array([3, 3, 3, 9], np.float32), track_id=5),
    ]
    instances, _ = pack(report, *persons)
    expected = [1 - 1.2, 2 - 0.6, 9 + 1.2, 6 + 0.6]
    assert np.allclose(instances['bboxes'], [expected, expected])
    assert np.allclose(instances['areas'], [10.4 * 5.2, 50])
    assert report.counts == dict(bad_box=1)


def test_unknown_and_repeated_identities_are_minus_one(report):
    persons = [
        PERSON,
        replace(PERSON, track_id=None),
        PERSON,
        replace(PERSON, track_id=0),
    ]
    instances, _ = pack(report, *persons)
    assert instances['track_ids'].tolist() == [4, -1, -1, 0]
    assert report.counts == dict(no_track_id=1, repeated_track_id=1)


def test_unknown_heads_are_nan(report):
    instances, _ = pack(report, replace(PERSON, head_box=None))
    assert np.isnan(instances['bbox_head']).all()
    assert report.counts == dict(no_head_box=1)


def test_images_have_numbered_persons_without_heads(report):
    still = replace(PERSON, head_box=None, track_id=None)
    instances, _ = pack(report, still, still, is_video=False)
    assert instances['track_ids'].tolist() == [0, 1]
    assert not report


def test_persons_of_unlabelled_frames_are_counted_not_used(report):
    instances, ignored = pack(report, PERSON, is_labeled=False)
    assert len(instances['track_ids']) == len(ignored) == 0
    assert report.counts == dict(unlabeled_frame=1)


def test_regions_without_inside_are_dropped(report):
    regions = [np.zeros((2, 2)), np.eye(4)[:, :2]]
    frame = dict(
        file_name='a/000001.jpg',
        is_labeled=True,
        persons=[],
        ignore_regions=regions,
    )
    (kept,) = pack_frame(frame, 3, report)['ignore_regions']
    assert kept is regions[1]
    assert report.counts == dict(bad_region=1, empty_frame=1)
