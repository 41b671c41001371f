# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import numpy as np

from cape_mm.evaluation.functional import number_ids


def test_ids_are_numbered_over_the_video():
    numbers, count = number_ids(
        [np.array([9, 4]), np.zeros(0, dtype=int), np.array([700, 4])]
    )
    assert count == 3
    assert [part.tolist() for part in numbers] == [[1, 0], [], [2, 0]]


def test_removed_joints_are_neither_predicted_nor_near(make_frames):
    (frame,) = make_frames([{1: [0, 0]}], [{7: [0, 0]}], {(0, 7)})
    rest = frame.restrict(np.array([[True, False]]))
    assert rest.pred_valid.tolist() == rest.ignored.tolist() == [[True, False]]
    assert rest.distances.tolist() == [[[0, np.inf]]]
    assert frame.pred_valid.all()
