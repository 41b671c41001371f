# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from cape_mm.datasets.pipeline import spread_indices


def test_indices_are_spread_evenly():
    assert spread_indices(3) == [0, 1, 2]
    assert spread_indices(3, 7) == [0, 1, 2]
    assert spread_indices(10, 4) == [0, 2, 5, 7]
