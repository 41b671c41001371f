# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import random
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from cape_mm.engine.hooks import EpochSeedHook, epoch_seed_hook


def _draw(seed, epoch):
    EpochSeedHook().before_train_epoch(SimpleNamespace(seed=seed, epoch=epoch))
    return random.random(), float(np.random.rand()), float(torch.rand(1))


@pytest.fixture(autouse=True)
def _keep_generators():
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()
    yield
    random.setstate(states[0])
    np.random.set_state(states[1])
    torch.set_rng_state(states[2])


def test_same_epoch_draws_the_same_numbers_whatever_came_before():
    first = _draw(seed=0, epoch=3)
    torch.rand(5)
    assert _draw(seed=0, epoch=3) == first


def test_epochs_seeds_and_ranks_draw_different_numbers(monkeypatch):
    draws = [_draw(0, 0), _draw(0, 1), _draw(1, 0)]
    monkeypatch.setattr(epoch_seed_hook, 'get_rank', lambda: 1)
    draws.append(_draw(0, 0))
    for numbers in zip(*draws):
        assert len(set(numbers)) == 4
