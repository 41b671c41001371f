# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import math

import numpy as np
import pytest

from cape_mm.evaluation.functional.tracking_scores import (
    average_precision,
    clear_mot,
    identity_counts,
    match_poses,
)


def count(frames, **options):
    """Objects, misses, false positives and switches of the only keypoint."""
    counts = clear_mot(frames, 0.5, **options)
    return tuple(int(column[0]) for column in counts[:4])


def test_perfect_track(make_frames):
    frames = make_frames([{1: 0, 2: 5}] * 4, [{8: 5, 9: 0}] * 4)
    counts = clear_mot(frames, 0.5)
    assert count(frames) == (8, 0, 0, 0)
    assert counts.mota == counts.motp == counts.precision == 1
    assert counts.recall == 1


def test_known_scores(make_frames):
    # hit at 0.1, hit at 0.3 with a false one, two misses
    frames = make_frames(
        [{1: 0}, {1: 0}, {1: 0}, {1: 0}],
        [{5: 0.1}, {5: 0.3, 6: 9}, {}, {5: 0.6}],
    )
    counts = clear_mot(frames, 0.5)
    assert count(frames) == (4, 2, 2, 0)
    assert counts.mota == pytest.approx(0)
    assert counts.motp == pytest.approx(1 - 0.4 / 2)
    assert counts.precision == pytest.approx(0.5)
    assert counts.recall == pytest.approx(0.5)


def test_distance_at_the_threshold_is_a_match(make_frames):
    assert count(make_frames([{1: 0}], [{5: 0.5}])) == (1, 0, 0, 0)
    assert count(make_frames([{1: 0}], [{5: 0.51}])) == (1, 1, 1, 0)


def test_a_new_track_is_one_switch(make_frames):
    frames = make_frames([{1: 0}] * 4, [{7: 0}, {7: 0}, {8: 0}, {8: 0}])
    assert count(frames) == (4, 0, 0, 1)
    assert clear_mot(frames, 0.5).mota == pytest.approx(0.75)


def test_persons_that_swap_tracks_are_two_switches(make_frames):
    truth = [{1: 0, 2: 9}] * 4
    frames = make_frames(truth, [{7: 0, 8: 9}] * 2 + [{7: 9, 8: 0}] * 2)
    assert count(frames) == (8, 0, 0, 2)


def test_a_match_is_carried_over_though_another_is_nearer(make_frames):
    frames = make_frames([{1: 0}] * 2, [{7: 0}, {7: 0.4, 8: 0}])
    assert count(frames) == (2, 0, 1, 0)
    assert clear_mot(frames, 0.5).motp == pytest.approx(1 - 0.4 / 2)


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


def test_keypoints_do_not_influence_each_other(make_frames):
    frames = make_frames(
        [{1: [0, 0, None]}] * 2, [{7: [0, 9, 0]}, {8: [0, 0, None]}]
    )
    counts = clear_mot(frames, 0.5)
    assert counts.objects.tolist() == [2, 2, 0]
    assert counts.misses.tolist() == [0, 1, 0]
    assert counts.false_positives.tolist() == [0, 1, 1]
    assert counts.switches.tolist() == [1, 0, 0]
    assert math.isnan(counts.mota[2]) and math.isnan(counts.motp[2])


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


def count_identities(frames):
    """True positives, false positives and false negatives of one keypoint."""
    return tuple(int(column[0]) for column in identity_counts(frames, 0.5))


def test_perfect_track_has_its_identity(make_frames):
    frames = make_frames([{1: 0, 2: 5}] * 4, [{8: 5, 9: 0}] * 4)
    assert count_identities(frames) == (8, 0, 0)
    assert identity_counts(frames, 0.5).idf1 == 1


def test_only_the_longer_of_two_tracks_counts(make_frames):
    frames = make_frames([{1: 0}] * 4, [{7: 0}] * 3 + [{8: 0}])
    assert count_identities(frames) == (3, 1, 1)
    assert identity_counts(frames, 0.5).idf1 == pytest.approx(0.75)


def test_persons_that_swap_tracks_halfway_lose_half(make_frames):
    truth = [{1: 0, 2: 9}] * 4
    frames = make_frames(truth, [{7: 0, 8: 9}] * 2 + [{7: 9, 8: 0}] * 2)
    assert count_identities(frames) == (4, 4, 4)


def test_assignment_is_of_the_whole_video(make_frames):
    # track 7 fits person 1 twice and person 2 three times; track 8 fits
    # person 2 twice: 2 + 2 is better than 3 + 0
    frames = make_frames(
        [{1: 0}, {1: 0}, {2: 0}, {2: 0}, {2: 0}, {2: 0}, {2: 0}],
        [{7: 0}] * 5 + [{8: 0}] * 2,
    )
    assert count_identities(frames) == (4, 3, 3)


def test_keypoints_are_assigned_on_their_own(make_frames):
    frames = make_frames(
        [{1: [0, 0]}] * 3, [{7: [0, 9]}, {8: [9, 0]}, {8: [9, 0]}]
    )
    counts = identity_counts(frames, 0.5)
    assert counts.true_positives.tolist() == [1, 2]


def test_an_unmatched_prediction_in_an_ignore_region_costs_no_identity(
    make_frames,
):
    ignored = {(0, 8), (1, 7), (2, 7)}
    frames = make_frames([{1: 0}] * 3, [{7: 0, 8: 4}, {7: 0}, {7: 3}], ignored)
    assert count_identities(frames) == (2, 0, 1)


def test_a_track_in_an_ignore_region_is_given_away_the_later(make_frames):
    frames = make_frames(
        [{1: 0}] * 4,
        [{7: 0}, {7: 0}, {7: 0.1, 8: 0}, {8: 0}],
        ignored={(0, 7), (1, 7), (2, 7)},
    )
    # track 7 would leave a miss and two false ones, track 8 two misses
    assert count_identities(frames) == (2, 0, 2)


def test_nothing_there(make_frames):
    assert count_identities(make_frames([{1: 0}], [{}])) == (0, 0, 1)
    assert count_identities(make_frames([{}], [{7: 0}])) == (0, 1, 0)
    assert math.isnan(identity_counts(make_frames([{}], [{}]), 0.5).idf1[0])


def match(hits, labelled):
    """Match persons by how many keypoints each prediction hits."""
    hits, labelled = np.array(hits), np.array(labelled)
    keypoints = np.arange(4)
    distances = np.where(keypoints < hits[..., None], 0.1, np.inf)
    return match_poses(distances, keypoints < labelled[:, None], 0.5).tolist()


def test_a_person_takes_the_prediction_with_the_largest_share_of_hits():
    assert match([[1, 3, 2]], [4]) == [-1, 0, -1]
    # half of 4 is less than all of 1
    assert match([[2], [1]], [4, 1]) == [1]


def test_each_prediction_goes_to_its_best_person_only():
    # the second prediction is better for person 0, but best for person 1
    assert match([[1, 3], [0, 4]], [4, 4]) == [0, 1]
    # and if it is the best of both, one person has no match
    assert match([[0, 3], [0, 4]], [4, 4]) == [-1, 1]


def test_no_hit_is_no_match_and_a_hit_at_the_threshold_is_one():
    assert match([[0, 0]], [4]) == [-1, -1]
    distances = np.array([[[0.5]], [[0.51]]])
    valid = np.ones((2, 1), dtype=bool)
    assert match_poses(distances, valid, 0.5).tolist() == [0]
    assert match_poses(distances[1:], valid[1:], 0.5).tolist() == [-1]


def test_no_person_and_no_prediction():
    nothing = np.zeros((0, 2, 4))
    assert (
        match_poses(nothing, np.zeros((0, 4), bool), 0.5).tolist() == [-1] * 2
    )
    nothing = np.zeros((2, 0, 4))
    assert match_poses(nothing, np.ones((2, 4), bool), 0.5).tolist() == []


def test_ap_of_a_known_curve():
    scores = np.array([0.7, 0.9, 0.8])
    correct = np.array([True, True, False])
    # recall 1/2 at precision 1, the other half at 2/3
    assert average_precision(scores, correct, 2) == pytest.approx(5 / 6)
    # one more that no prediction hits
    assert average_precision(scores, correct, 3) == pytest.approx(5 / 9)


def test_ap_of_perfect_and_of_no_predictions():
    ones = np.ones(3)
    assert average_precision(ones, ones > 0, 3) == 1
    assert average_precision(ones, ones < 0, 3) == 0
    assert average_precision(ones[:0], ones[:0] > 0, 3) == 0
    assert math.isnan(average_precision(ones, ones > 0, 0))


def test_order_of_equal_scores_has_no_influence():
    scores = np.array([0.5, 0.5, 0.5, 0.9])
    correct = np.array([True, False, True, False])
    expected = 0.5
    for order in ([0, 1, 2, 3], [1, 0, 2, 3], [3, 2, 1, 0]):
        order = np.array(order)
        ap = average_precision(scores[order], correct[order], 2)
        assert ap == pytest.approx(expected)


def test_equal_scores_in_the_order_of_arrival():
    scores = np.array([0.5, 0.5])
    correct = np.array([False, True])
    # numpy's order reversed: the last one first
    assert average_precision(scores, correct, 1, arrival_order=True) == 1
    assert average_precision(scores, correct, 1) == 0.5
