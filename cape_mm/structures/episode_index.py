# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from typing import NamedTuple


class EpisodeIndex(NamedTuple):
    """What fixes an episode: equal indices give equal episodes anywhere.

    Attributes:
        seed (int): Seed of the run, not negative.
        epoch (int): Epoch from 0; always 0 for validation and test.
        episode (int): Number of the episode within the epoch.
    """

    seed: int
    epoch: int
    episode: int
