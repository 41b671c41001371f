# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import numpy as np
import pytest

from cape_mm.datasets.clip_window import (
    draw_centers,
    unique_frames,
    window_positions,
)


@pytest.mark.parametrize(
    'center, num_frames, stride, expected',
    [
        (2, 1, 1, [2]),
        (2, 3, 1, [1, 2, 3]),
        (0, 3, 1, [0, 0, 1]),
        (4, 3, 1, [3, 4, 4]),
        # the neighbour is repeated, not the middle
        (1, 5, 1, [0, 0, 1, 2, 3]),
        (0, 5, 1, [0, 0, 0, 1, 2]),
        (2, 3, 2, [0, 2, 4]),
        (3, 3, 2, [1, 3, 4]),
        (2, 7, 1, [0, 0, 1, 2, 3, 4, 4]),
    ],
)
def test_window_of_a_video_without_gaps(center, num_frames, stride, expected):
    for first in (0, 1):
        numbers = first + np.arange(5)
        found = window_positions(numbers, center, num_frames, stride)
        assert found.tolist() == expected


def test_missing_frames_are_replaced_by_the_nearest():
    numbers = np.array([0, 1, 4, 8, 9])
    # 3 and 5 are nearest to 4
    assert window_positions(numbers, 2, 3).tolist() == [2, 2, 2]
    # 2 is nearest to 1; 6 is as near to 4 as to 8: the side of the middle
    assert window_positions(numbers, 2, 3, 2).tolist() == [1, 2, 2]
    assert window_positions(numbers, 3, 3, 2).tolist() == [3, 3, 4]


def test_video_of_one_frame():
    assert window_positions(np.array([7]), 0, 5).tolist() == [0] * 5


def centers(numbers, labelled, start, num_windows, max_gap, seed=0):
    rng = np.random.default_rng(seed)
    return draw_centers(
        np.array(numbers),
        np.array(labelled),
        start,
        num_windows,
        max_gap,
        rng,
    )


def test_without_gap_centers_follow_each_other():
    for start in range(4):
        found = centers(range(6), range(6), start, 3, 1)
        assert found == [start, start + 1, start + 2]


def test_gaps_are_drawn_up_to_the_largest_and_leave_room():
    gaps = set()
    for seed in range(200):
        found = centers(range(12), range(12), seed % 10, 3, 4, seed)
        steps = np.diff(found)
        assert (steps >= 1).all() and (steps <= 4).all()
        assert found[-1] <= 11
        gaps.update(steps.tolist())
    assert gaps == {1, 2, 3, 4}


def test_sparse_labels_take_the_next_one_whatever_its_distance():
    # labelled: every 4th frame, then a dense block
    labelled = [0, 4, 8, 9, 10]
    assert centers(range(12), labelled, 0, 3, 1) == [0, 4, 8]
    assert centers(range(12), labelled, 2, 3, 1) == [8, 9, 10]
    found = {
        tuple(centers(range(12), labelled, 1, 2, 5, s)) for s in range(40)
    }
    assert found == {(4, 8), (4, 9)}


def test_too_few_labels_repeat_the_last():
    assert centers(range(5), [3], 0, 3, 2) == [3, 3, 3]
    assert centers(range(5), [1, 3], 0, 4, 1) == [1, 3, 3, 3]


def test_shared_frames_are_kept_once():
    windows = [np.array([0, 0, 1]), np.array([1, 2, 3]), np.array([3, 3, 4])]
    unique, index = unique_frames(windows)
    assert unique.tolist() == [0, 1, 2, 3, 4]
    assert index.dtype == np.int64
    assert np.array_equal(unique[index], np.stack(windows))
