# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import dataclasses

import pytest
import torch
from mmengine.registry import DefaultScope
from support.tracker_run import (
    CHANNELS,
    SIGMAS,
    TrackerRun,
    make_frame,
    make_prediction,
    make_proposals,
    make_tracker,
    poses_at,
)

from cape_mm.registry import TASK_UTILS
from cape_mm.structures import PoseTrackerState


def test_birth_needs_its_own_threshold():
    run = TrackerRun(birth_thr=0.5, keep_thr=0.2)
    assert run.frame(found=[(0.2, 0.49), (0.5, 0.51), (0.8, 0.1)]) == {0: 0.5}
    assert run.propagated() == [0]


def test_a_track_is_kept_with_a_score_that_would_not_be_born():
    run = TrackerRun(birth_thr=0.5, keep_thr=0.2)
    run.frame(found=[(0.5, 0.9)])
    assert run.frame(tracks=[(0.55, 0.21)]) == {0: 0.55}
    assert run.state.misses.tolist() == [0]
    reference = run.state.queries.reference[0]
    assert torch.allclose(reference, poses_at([0.55]))
    assert torch.allclose(run.state.queries.content, torch.tensor(0.55))


@pytest.mark.parametrize('patience', [0, 1, 3])
def test_a_missing_track_ends_after_its_patience(patience):
    run = TrackerRun(patience=patience)
    run.frame(found=[(0.5, 0.9)])
    for misses in range(1, patience + 1):
        assert run.frame(tracks=[(0.5, 0.1)]) == {}
        assert run.propagated() == [0]
        assert run.state.misses.tolist() == [misses]
    assert run.frame(tracks=[(0.5, 0.1)]) == {}
    assert run.propagated() == []
    assert run.frame(found=[(0.5, 0.9)]) == {1: 0.5}


def test_a_track_that_is_found_again_is_itself_and_has_all_its_patience():
    run = TrackerRun(patience=1)
    run.frame(found=[(0.5, 0.9)])
    for _ in range(3):
        run.frame(tracks=[(0.5, 0.1)])
        assert run.frame(tracks=[(0.6, 0.9)]) == {0: 0.6}
        assert run.state.misses.tolist() == [0]


def test_duplicates_are_neither_given_out_nor_propagated():
    run = TrackerRun()
    assert run.frame(found=[(0.5, 0.8), (0.501, 0.9), (0.2, 0.7)]) == {
        0: 0.501,
        1: 0.2,
    }
    assert run.propagated() == [0, 1]


def test_a_track_stays_and_not_its_detection():
    run = TrackerRun()
    run.frame(found=[(0.5, 0.9)])
    assert run.frame(tracks=[(0.5, 0.35)], found=[(0.501, 0.99)]) == {0: 0.5}
    assert run.propagated() == [0]


def test_of_two_tracks_on_one_person_the_worse_one_ends():
    run = TrackerRun()
    run.frame(found=[(0.2, 0.9), (0.5, 0.8)])
    assert run.frame(tracks=[(0.5, 0.6), (0.501, 0.7)]) == {1: 0.501}
    assert run.propagated() == [1]


def test_a_missing_track_on_a_person_that_is_given_out_ends():
    run = TrackerRun(patience=5)
    run.frame(found=[(0.2, 0.9), (0.5, 0.8)])
    run.frame(tracks=[(0.2, 0.9), (0.2, 0.1)])
    assert run.propagated() == [0]


def test_persons_who_are_near_but_not_alike_both_stay():
    run = TrackerRun()
    assert len(run.frame(found=[(0.5, 0.8), (0.54, 0.9)])) == 2


def test_suppressed_detections_use_up_no_identity():
    run = TrackerRun(patience=0)
    for frame in range(4):
        tracks = [(0.5, 0.1)] if frame else []
        many = [(0.5, 0.9 - 0.01 * i) for i in range(20)]
        assert run.frame(tracks, many) == {frame: 0.5}
    assert run.state.next_id == 4


def test_identities_are_compact_and_the_best_comes_first():
    run = TrackerRun()
    run.frame(found=[(0.2, 0.6), (0.5, 0.2), (0.8, 0.9)])
    assert run.given() == {0: 0.8, 1: 0.2}
    run.frame(tracks=[(0.8, 0.9), (0.2, 0.9)], found=[(0.5, 0.6)])
    assert run.given() == {0: 0.8, 1: 0.2, 2: 0.5}


def test_a_full_state_lets_only_the_best_be_born():
    run = TrackerRun(max_tracks=2)
    assert set(run.frame(found=[(0.2, 0.6), (0.5, 0.7), (0.8, 0.8)])) == {
        0,
        1,
    }
    assert run.given() == {0: 0.8, 1: 0.5}
    run.frame([(0.8, 0.9), (0.5, 0.9)], [(0.2, 0.9)])
    assert run.propagated() == [0, 1]
    assert run.state.next_id == 2


def test_another_video_starts_from_nothing():
    run = TrackerRun()
    run.frame(found=[(0.5, 0.9)])
    run.video_id, run.frame_id = 'other', 4
    assert run.frame(found=[(0.3, 0.9)]) == {0: 0.3}
    assert run.state.next_id == 1


@pytest.mark.parametrize('frame_id', [0, 1])
def test_the_same_video_again_starts_from_nothing(frame_id):
    run = TrackerRun()
    run.frame(found=[(0.5, 0.9)])
    run.frame(tracks=[(0.5, 0.9)])
    run.frame_id = frame_id - 1
    assert run.frame(found=[(0.3, 0.9)]) == {0: 0.3}


def test_what_is_given_out_names_its_query():
    run = TrackerRun()
    run.frame(found=[(0.5, 0.2), (0.2, 0.9)])
    assert run.persons.query_index.tolist() == [1]
    run.frame(tracks=[(0.2, 0.8)], found=[(0.5, 0.1), (0.7, 0.9)])
    assert run.persons.query_index.tolist() == [0, 2]
    assert run.persons.bbox_scores.tolist() == pytest.approx([0.8, 0.9])


def test_positional_embeddings_travel_with_their_queries():
    position = torch.rand(1, 3, CHANNELS)
    prediction = make_prediction(
        [(0.2, 0.1), (0.5, 0.6), (0.8, 0.9)], position=position
    )
    _, state = make_tracker().track(
        make_proposals(), lambda queries: prediction, make_frame()
    )
    assert torch.equal(state.queries.position, position[:, [2, 1]])


def test_nothing_found_and_no_queries_at_all():
    run = TrackerRun(reanchor=['proposals', 'detections'])
    assert run.frame(proposals=[]) == {}
    assert run.frame(found=[(0.5, 0.1)], proposals=[(0.5, 0.1)]) == {}
    assert run.propagated() == []


def test_the_tracker_has_no_state():
    tracker = make_tracker()
    before = {k: v for k, v in vars(tracker).items() if k != 'oks'}
    run = TrackerRun()
    run.tracker = tracker
    run.frame(found=[(0.5, 0.9)])
    old = run.state
    run.frame(tracks=[(0.6, 0.9)])
    assert {k: v for k, v in vars(tracker).items() if k != 'oks'} == before
    # An old state can be used again: nothing is changed in place.
    run.state, run.frame_id = old, 0
    assert run.frame(tracks=[(0.7, 0.9)]) == {0: 0.7}
    assert torch.allclose(old.queries.reference[0], poses_at([0.5]))
    with pytest.raises(dataclasses.FrozenInstanceError):
        old.next_id = 5
    assert isinstance(old, PoseTrackerState)


def test_wrong_options_and_queries_are_refused():
    for options in (
        dict(birth_thr=1.1),
        dict(patience=-1),
        dict(max_tracks=0),
        dict(reanchor=['tracks']),
        dict(reanchor='proposals'),
    ):
        with pytest.raises(ValueError, match=next(iter(options))):
            make_tracker(**options)
    run = TrackerRun()
    run.frame(found=[(0.5, 0.9)])
    with pytest.raises(ValueError, match='0 queries .* 1 tracks of video'):
        run.tracker.track(
            make_proposals(),
            lambda queries: make_prediction([]),
            make_frame(frame_id=1),
            run.state,
        )


def test_configs_can_name_it():
    with DefaultScope.overwrite_default_scope('mmpose'):
        config = dict(type='cape_mm.PoseQueryTracker', metainfo=SIGMAS)
        assert TASK_UTILS.build(config).patience == 3
