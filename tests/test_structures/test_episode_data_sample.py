# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import pytest

from cape_mm.structures import EpisodeDataSample


def partners(names, **metainfo):
    sample = EpisodeDataSample(
        metainfo=dict(
            keypoint_names=names, num_keypoints=len(names), **metainfo
        )
    )
    return sample.partners


@pytest.mark.parametrize(
    'one, other',
    [
        ('left_eye', 'right_eye'),
        ('right eye', 'left eye'),
        ('l_eye', 'r_eye'),
        ('eye_L', 'eye_R'),
        ('eyeL', 'eyeR'),
        ('LEye', 'REye'),
        ('leftEye', 'rightEye'),
        ('Left-Eye', 'right_eye'),
        ('left corner of right eye', 'right corner of left eye'),
        ('left front paw 2', 'right front paw 2'),
    ],
)
def test_names_that_differ_in_the_side_are_partners(one, other):
    assert partners(['nose', one, 'tail', other]) == [0, 3, 2, 1]


@pytest.mark.parametrize(
    'names',
    [
        ['left_eye', 'nose'],
        ['left_eye', 'right_ear'],
        ['lip', 'rip'],
        ['left_eye', 'left_eye'],
        ['left_eye_1', 'right_eye_2'],
        ['keypoint_0', 'keypoint_1'],
        ['上', ''],
    ],
)
def test_other_names_have_no_partner(names):
    assert partners(names) == list(range(len(names)))


def test_names_that_occur_twice_tell_nothing():
    names = ['left_eye', 'left_eye', 'right_eye', 'left_ear', 'right_ear']
    assert partners(names) == [0, 1, 2, 4, 3]


def test_flip_pairs_take_the_place_of_names():
    names = ['left_eye', 'right_eye', 'a', 'b']
    assert partners(names, flip_pairs=[[2, 3]]) == [0, 1, 3, 2]
    assert partners(names, flip_pairs=[]) == [0, 1, 2, 3]
    assert partners(names, flip_pairs=None) == [1, 0, 2, 3]


def test_an_episode_without_names_has_no_partners():
    assert EpisodeDataSample(metainfo=dict(num_keypoints=2)).partners == [0, 1]
