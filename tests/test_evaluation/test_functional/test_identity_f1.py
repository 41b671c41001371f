# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import math

import pytest

from cape_mm.evaluation.functional import identity_counts, idf1


def count(frames):
    """True positives, false positives and false negatives of one joint."""
    return tuple(int(column[0]) for column in identity_counts(frames, 0.5))


def test_perfect_track(make_frames):
    frames = make_frames([{1: 0, 2: 5}] * 4, [{8: 5, 9: 0}] * 4)
    assert count(frames) == (8, 0, 0)
    assert idf1(identity_counts(frames, 0.5)) == 1


def test_only_the_longer_of_two_tracks_counts(make_frames):
    frames = make_frames([{1: 0}] * 4, [{7: 0}] * 3 + [{8: 0}])
    assert count(frames) == (3, 1, 1)
    assert idf1(identity_counts(frames, 0.5)) == pytest.approx(0.75)


def test_persons_that_swap_tracks_halfway_lose_half(make_frames):
    truth = [{1: 0, 2: 9}] * 4
    frames = make_frames(truth, [{7: 0, 8: 9}] * 2 + [{7: 9, 8: 0}] * 2)
    assert count(frames) == (4, 4, 4)


def test_assignment_is_of_the_whole_video(make_frames):
    # track 7 fits person 1 twice and person 2 three times; track 8 fits
    # person 2 twice: 2 + 2 is better than 3 + 0
    frames = make_frames(
        [{1: 0}, {1: 0}, {2: 0}, {2: 0}, {2: 0}, {2: 0}, {2: 0}],
        [{7: 0}] * 5 + [{8: 0}] * 2,
    )
    assert count(frames) == (4, 3, 3)


def test_joint_classes_are_assigned_on_their_own(make_frames):
    frames = make_frames(
        [{1: [0, 0]}] * 3, [{7: [0, 9]}, {8: [9, 0]}, {8: [9, 0]}]
    )
    counts = identity_counts(frames, 0.5)
    assert counts.true_positives.tolist() == [1, 2]


def test_an_unmatched_prediction_in_an_ignore_region_is_no_error(make_frames):
    ignored = {(0, 8), (1, 7), (2, 7)}
    frames = make_frames([{1: 0}] * 3, [{7: 0, 8: 4}, {7: 0}, {7: 3}], ignored)
    assert count(frames) == (2, 0, 1)


def test_a_track_in_an_ignore_region_is_given_away_the_later(make_frames):
    frames = make_frames(
        [{1: 0}] * 4,
        [{7: 0}, {7: 0}, {7: 0.1, 8: 0}, {8: 0}],
        ignored={(0, 7), (1, 7), (2, 7)},
    )
    # track 7 would leave a miss and two false ones, track 8 two misses
    assert count(frames) == (2, 0, 2)


def test_nothing_there(make_frames):
    assert count(make_frames([{1: 0}], [{}])) == (0, 0, 1)
    assert count(make_frames([{}], [{7: 0}])) == (0, 1, 0)
    assert math.isnan(idf1(identity_counts(make_frames([{}], [{}]), 0.5))[0])
