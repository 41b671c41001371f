# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from functools import partial

import pytest
from support.toy_episode import make_toy_episode


@pytest.fixture
def make_episode(tmp_path):
    """Build a toy episode whose image lies in ``tmp_path``."""
    return partial(make_toy_episode, tmp_path)
