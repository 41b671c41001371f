# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import math

import numpy as np
import pytest

from cape_mm.evaluation.functional import (
    clear_mot,
    mota,
    motp,
    precision,
    recall,
)


def count(frames, **options):
    """Objects, misses, false positives and switches of the only joint."""
    counts = clear_mot(frames, 0.5, **options)
    return tuple(int(column[0]) for column in counts[:4])


def test_perfect_track(make_frames):
    frames = make_frames([{1: 0, 2: 5}] * 4, [{8: 5, 9: 0}] * 4)
    counts = clear_mot(frames, 0.5)
    assert count(frames) == (8, 0, 0, 0)
    assert mota(counts) == motp(counts) == precision(counts) == 1
    assert recall(counts) == 1


def test_known_scores(make_frames):
    # hit at 0.1, hit at 0.3 with a false one, two misses
    frames = make_frames(
        [{1: 0}, {1: 0}, {1: 0}, {1: 0}],
        [{5: 0.1}, {5: 0.3, 6: 9}, {}, {5: 0.6}],
    )
    counts = clear_mot(frames, 0.5)
    assert count(frames) == (4, 2, 2, 0)
    assert mota(counts) == pytest.approx(0)
    assert motp(counts) == pytest.approx(1 - 0.4 / 2)
    assert precision(counts) == pytest.approx(0.5)
    assert recall(counts) == pytest.approx(0.5)


def test_distance_at_the_threshold_is_a_match(make_frames):
    assert count(make_frames([{1: 0}], [{5: 0.5}])) == (1, 0, 0, 0)
    assert count(make_frames([{1: 0}], [{5: 0.51}])) == (1, 1, 1, 0)


def test_a_new_track_is_one_switch(make_frames):
    frames = make_frames([{1: 0}] * 4, [{7: 0}, {7: 0}, {8: 0}, {8: 0}])
    assert count(frames) == (4, 0, 0, 1)
    assert mota(clear_mot(frames, 0.5)) == pytest.approx(0.75)


def test_persons_that_swap_tracks_are_two_switches(make_frames):
    truth = [{1: 0, 2: 9}] * 4
    frames = make_frames(truth, [{7: 0, 8: 9}] * 2 + [{7: 9, 8: 0}] * 2)
    assert count(frames) == (8, 0, 0, 2)


def test_a_match_is_carried_over_though_another_is_nearer(make_frames):
    frames = make_frames([{1: 0}] * 2, [{7: 0}, {7: 0.4, 8: 0}])
    assert count(frames) == (2, 0, 1, 0)
    assert motp(clear_mot(frames, 0.5)) == pytest.approx(1 - 0.4 / 2)


@pytest.mark.parametrize('between', [{}, {7: 3}, {8: 3}])
def test_a_match_is_carried_over_a_gap(make_frames, between):
    frames = make_frames([{1: 0}] * 3, [{7: 0}, between, {7: 0.4, 8: 0}])
    assert count(frames)[3] == 0


def test_a_match_is_carried_over_frames_without_the_person(make_frames):
    frames = make_frames([{1: 0}, {}, {1: 0}], [{7: 0}, {}, {7: 0.4, 8: 0}])
    assert count(frames) == (2, 0, 1, 0)


def test_switch_after_a_gap(make_frames):
    frames = make_frames([{1: 0}] * 3, [{7: 0}, {}, {8: 0}])
    assert count(frames) == (3, 1, 0, 1)


def test_back_to_an_older_track_is_a_switch(make_frames):
    frames = make_frames([{1: 0}] * 3, [{7: 0}, {8: 0}, {7: 0, 8: 3}])
    assert count(frames) == (3, 0, 1, 2)


def test_who_keeps_a_track_that_two_persons_had(make_frames):
    # track 7 goes from person 1 to person 2; then both are near it
    frames = make_frames(
        [{1: 0, 2: 5}, {1: 0, 2: 5}, {1: 0, 2: 0.2}],
        [{7: 0}, {7: 5}, {7: 0.1}],
    )
    late = clear_mot(frames, 0.5)
    first = clear_mot(frames, 0.5, first_person_keeps=True)
    assert late.switches[0] == first.switches[0] == 0
    both = make_frames(
        [{1: 0, 2: 5}, {1: 0, 2: 5}, {1: 0, 2: 0.2}, {1: 0, 2: 5}],
        [{7: 0}, {7: 5}, {7: 0.1, 8: 0.3}, {}],
    )
    # person 2 had it last, person 1 then takes track 8
    assert count(both)[3] == 1
    assert count(both, first_person_keeps=True)[3] == 1
    assert clear_mot(both, 0.5).distances[0] == pytest.approx(0.1 + 0.3)
    one = clear_mot(both, 0.5, first_person_keeps=True)
    assert one.distances[0] == pytest.approx(0.1 + 0.1)


def test_as_many_matches_as_possible_before_small_distances(make_frames):
    frames = make_frames([{1: 0, 2: 0.5}], [{7: 0.45, 8: 0.9}])
    assert count(frames) == (2, 0, 0, 0)
    assert clear_mot(frames, 0.5).distances[0] == pytest.approx(0.85)


def test_joint_classes_do_not_influence_each_other(make_frames):
    frames = make_frames(
        [{1: [0, 0, None]}] * 2, [{7: [0, 9, 0]}, {8: [0, 0, None]}]
    )
    counts = clear_mot(frames, 0.5)
    assert counts.objects.tolist() == [2, 2, 0]
    assert counts.misses.tolist() == [0, 1, 0]
    assert counts.false_positives.tolist() == [0, 1, 1]
    assert counts.switches.tolist() == [1, 0, 0]
    assert math.isnan(mota(counts)[2]) and math.isnan(motp(counts)[2])


def test_an_unmatched_prediction_in_an_ignore_region_is_no_error(make_frames):
    ignored = {(0, 8), (1, 7)}
    frames = make_frames([{1: 0}] * 2, [{7: 0, 8: 4}, {7: 0}], ignored)
    assert count(frames) == (2, 0, 0, 0)


def test_order_of_persons_and_tracks_has_no_influence(make_random_frames):
    frames = make_random_frames(0)
    rng = np.random.default_rng(0)
    shuffled = []
    for frame in frames:
        n = rng.permutation(len(frame.gt_ids))
        m = rng.permutation(len(frame.pred_ids))
        shuffled.append(
            type(frame)(
                frame.distances[np.ix_(n, m)],
                frame.gt_valid[n],
                frame.pred_valid[m],
                frame.ignored[m],
                frame.gt_ids[n],
                frame.pred_ids[m],
            )
        )
    for a, b in zip(clear_mot(frames, 0.5), clear_mot(shuffled, 0.5)):
        assert a == pytest.approx(b)
