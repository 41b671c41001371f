# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import pytest
import torch
from support.tracker_run import TrackerRun, poses_at


def test_references_move_to_proposals_before_the_decoder():
    run = TrackerRun(reanchor=['proposals'], reanchor_alpha=0.75)
    run.frame(found=[(0.3, 0.9)])
    run.frame(tracks=[(0.3, 0.9)], proposals=[(0.32, 0.9), (0.9, 0.9)])
    assert torch.allclose(
        run.queries.reference[0], poses_at([0.315]), atol=1e-6
    )


def test_references_stay_without_a_near_good_proposal_or_the_option():
    for options, proposals in (
        (dict(reanchor=['proposals']), [(0.8, 0.9), (0.31, 0.05)]),
        (dict(reanchor=['proposals']), []),
        (dict(reanchor=['detections']), [(0.31, 0.9)]),
        ({}, [(0.31, 0.9)]),
    ):
        run = TrackerRun(**options)
        run.frame(found=[(0.3, 0.9)])
        run.frame(tracks=[(0.3, 0.9)], proposals=proposals)
        reference = run.queries.reference[0]
        assert torch.allclose(reference, poses_at([0.3]))


def test_two_tracks_do_not_move_to_one_proposal():
    run = TrackerRun(reanchor=['proposals'], reanchor_alpha=1.0)
    run.frame(found=[(0.3, 0.9), (0.36, 0.8)])
    run.frame(
        tracks=[(0.3, 0.9), (0.36, 0.8)],
        proposals=[(0.34, 0.9), (0.3401, 0.8)],
    )
    # The two proposals are one person; the nearer track gets it.
    reference = run.queries.reference[0]
    assert torch.allclose(reference, poses_at([0.3, 0.34]), atol=1e-6)


def test_the_sum_of_similarities_decides_who_gets_which_proposal():
    run = TrackerRun(reanchor=['proposals'], reanchor_alpha=1.0)
    run.frame(found=[(0.30, 0.9), (0.35, 0.8)])
    run.frame(
        tracks=[(0.3, 0.9), (0.35, 0.8)],
        proposals=[(0.33, 0.9), (0.38, 0.9)],
    )
    reference = run.queries.reference[0]
    assert torch.allclose(reference, poses_at([0.33, 0.38]), atol=1e-6)


def test_a_found_track_moves_to_its_detection_and_keeps_its_features():
    run = TrackerRun(reanchor=['detections'], reanchor_alpha=0.5)
    run.frame(found=[(0.3, 0.9)])
    given = run.frame(tracks=[(0.3, 0.5)], found=[(0.34, 0.9)])
    assert given == {0: 0.32}
    assert run.persons.query_index.tolist() == [0]
    assert run.persons.bbox_scores.tolist() == pytest.approx([0.9])
    assert torch.allclose(run.state.queries.content, torch.tensor(0.3))
    assert run.state.next_id == 1


@pytest.mark.parametrize('keep_thr', [0.3, 0.95])
def test_a_missing_track_becomes_its_detection(keep_thr):
    run = TrackerRun(
        reanchor=['detections'], reanchor_alpha=0.5, keep_thr=keep_thr
    )
    run.frame(found=[(0.3, 0.9)])
    run.frame(tracks=[(0.3, 0.1)])
    assert run.state.misses.tolist() == [1]
    given = run.frame(tracks=[(0.3, 0.1)], found=[(0.34, 0.9)])
    assert given == {0: 0.34}
    assert run.persons.query_index.tolist() == [1]
    assert torch.allclose(run.state.queries.content, torch.tensor(0.34))
    assert run.state.misses.tolist() == [0]


def test_detections_beyond_the_gate_are_born():
    run = TrackerRun(reanchor=['detections'])
    run.frame(found=[(0.3, 0.9)])
    given = run.frame(tracks=[(0.3, 0.9)], found=[(0.7, 0.9)])
    assert given == {0: 0.3, 1: 0.7}
