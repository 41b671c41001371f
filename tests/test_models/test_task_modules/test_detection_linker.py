# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import pytest
from support.tracker_run import TrackerRun

from cape_mm.models.task_modules import DetectionLinker


def make_run(**options):
    return TrackerRun(kind=DetectionLinker, **options)


def test_detections_are_linked_to_the_persons_of_the_frame_before():
    run = make_run()
    assert run.frame(found=[(0.2, 0.9), (0.8, 0.8)]) == {0: 0.2, 1: 0.8}
    found = [(0.79, 0.9), (0.5, 0.85), (0.21, 0.5)]
    assert run.frame(found=found) == {0: 0.21, 1: 0.79, 2: 0.5}


def test_no_queries_are_propagated():
    run = make_run()
    run.frame(found=[(0.2, 0.9)])
    # The run asserts that there are as many tracks as queries: none.
    run.frame(tracks=[], found=[(0.2, 0.9)])
    assert run.propagated() == [0]


def test_the_most_similar_pair_is_linked_first():
    run = make_run(link_oks=0.01)
    run.frame(found=[(0.5, 0.9)])
    assert run.frame(found=[(0.54, 0.9), (0.51, 0.8)]) == {0: 0.51, 1: 0.54}


def test_links_need_their_similarity():
    run = make_run(link_oks=0.5)
    run.frame(found=[(0.2, 0.9)])
    assert run.frame(found=[(0.4, 0.9)]) == {1: 0.4}


@pytest.mark.parametrize('patience', [0, 2])
def test_missing_persons_are_found_again_for_a_while(patience):
    run = make_run(patience=patience)
    run.frame(found=[(0.2, 0.9), (0.8, 0.8)])
    for _ in range(patience):
        assert run.frame(found=[(0.8, 0.8)]) == {1: 0.8}
    assert run.propagated() == ([1, 0] if patience else [0, 1])
    again = run.frame(found=[(0.2, 0.9), (0.8, 0.8)])
    assert again == {0: 0.2, 1: 0.8}
    for _ in range(patience + 1):
        run.frame(found=[(0.8, 0.8)])
    again = run.frame(found=[(0.2, 0.9), (0.8, 0.8)])
    assert again == {2: 0.2, 1: 0.8}


def test_duplicates_and_weak_detections_use_up_no_identity():
    run = make_run(birth_thr=0.5)
    run.frame(found=[(0.2, 0.9), (0.2005, 0.8), (0.6, 0.4)])
    assert run.propagated() == [0]
    assert run.frame(found=[(0.6, 0.6)]) == {1: 0.6}


def test_without_links_persons_are_numbered_by_their_scores():
    run = make_run(link_oks=None)
    assert run.frame(found=[(0.2, 0.9), (0.8, 0.8)]) == {0: 0.2, 1: 0.8}
    assert run.frame(found=[(0.2, 0.7), (0.8, 0.8)]) == {0: 0.8, 1: 0.2}
