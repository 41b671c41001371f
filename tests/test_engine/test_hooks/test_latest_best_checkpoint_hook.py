# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import pytest

from cape_mm.engine.hooks import LatestBestCheckpointHook


@pytest.mark.parametrize(
    'rule, score, best, is_better',
    [
        ('greater', 1.0, 1.0, True),
        ('greater', 0.9, 1.0, False),
        ('greater', 1.0, 0.9, True),
        ('less', 1.0, 1.0, True),
        ('less', 1.1, 1.0, False),
        ('less', 1.0, 1.1, True),
    ],
)
def test_the_later_of_two_equal_scores_is_better(rule, score, best, is_better):
    hook = LatestBestCheckpointHook(save_best='PCK', rule=rule)
    assert hook.is_better_than['PCK'](score, best) == is_better
