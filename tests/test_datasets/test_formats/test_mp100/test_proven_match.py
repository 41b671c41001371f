# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import copy

import pytest

from cape_mm.datasets.formats.mp100 import Match, Unproven
from cape_mm.datasets.formats.mp100.proven_match import (
    Candidate,
    is_same_object,
    prove,
)

IMAGE = dict(file_name='car/1.png', width=40, height=30)
ANN = dict(
    bbox=[1, 2, 3, 4],
    num_keypoints=3,
    keypoints=[5, 6, 2, 7, 8, 1, 9, 10, 2],
    segmentation=[[1, 2, 3, 4, 5, 6]],
)


def changed(**changes):
    return dict(copy.deepcopy(ANN), **changes)


@pytest.mark.parametrize(
    'other, same',
    [
        (changed(), True),
        # visible or hidden may be written differently, labelled may not
        (changed(keypoints=[5, 6, 1, 7, 8, 2, 9, 10, 2]), True),
        (changed(bbox=[0, 0, 1, 1], segmentation=None), True),
        (changed(keypoints=[1] * 9), False),
        # other keypoints, but the same box and outline
        (changed(keypoints=[5, 6, 2] * 4), True),
        (changed(keypoints=None, segmentation=[]), False),
        (changed(keypoints=None, bbox=[0, 0, 1, 1]), False),
        (changed(keypoints=None, num_keypoints=4), False),
        (changed(keypoints=[5, 6, 2, 7, 8, 0, 9, 10, 2], bbox=[0]), False),
    ],
)
def test_what_makes_two_annotations_one_object(other, same):
    assert is_same_object(ANN, other) is same


def test_two_keypoints_are_no_proof():
    few = dict(keypoints=[5, 6, 2, 7, 8, 2])
    assert not is_same_object(few, copy.deepcopy(few))


def test_unique_candidate_is_proven(tmp_path, image):
    good = Candidate(image(tmp_path / 'x.png'), [changed()])
    other = Candidate(
        image(tmp_path / 'y.png', seed=1),
        [changed(keypoints=[1] * 9, bbox=[0] * 4)],
    )
    result = prove(IMAGE, [ANN], [other, good])
    assert isinstance(result, Match)
    assert result.path == good.path and result.file_name == 'car/1.png'
    assert 'size 40 x 30' in result.proof


def test_every_annotation_must_be_found(tmp_path, image):
    candidate = Candidate(image(tmp_path / 'x.png'), [changed()])
    second = changed(keypoints=[1, 1, 2, 2, 2, 2, 3, 3, 2], segmentation=[])
    assert isinstance(prove(IMAGE, [ANN, second], [candidate]), Unproven)
    candidate.objects.append(second)
    assert isinstance(prove(IMAGE, [ANN, second], [candidate]), Match)


def test_another_size_is_no_proof(tmp_path, image):
    path = image(tmp_path / 'x.png', width=41)
    result = prove(IMAGE, [ANN], [Candidate(path, [changed()])])
    assert isinstance(result, Unproven) and 'another size' in result.reason


def test_two_that_fit_are_no_proof_unless_they_are_equal(tmp_path, image):
    paths = [image(tmp_path / f'{n}.png', seed=n) for n in range(2)]
    candidates = [Candidate(path, [changed()]) for path in paths]
    result = prove(IMAGE, [ANN], candidates)
    assert isinstance(result, Unproven) and '2 different' in result.reason
    paths[1].write_bytes(paths[0].read_bytes())
    assert isinstance(prove(IMAGE, [ANN], candidates), Match)


def test_nothing_to_compare_is_no_proof(tmp_path, image):
    path = image(tmp_path / 'x.png')
    for records, candidates, reason in (
        ([ANN], [], 'no candidate'),
        ([], [Candidate(path, [])], 'no annotation'),
        ([ANN], [Candidate(path, [])], 'other annotations'),
        (
            [ANN],
            [Candidate(tmp_path / 'gone.png', [changed()])],
            'does not exist',
        ),
    ):
        result = prove(IMAGE, records, candidates)
        assert isinstance(result, Unproven) and reason in result.reason
