# Copyright (c) cape_mm contributors. All rights reserved.
"""Heads and backbones against numbers from the official code.

Parameters are filled under their official names and renamed by the maps of
the checkpoint converter, so that both are tested together.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.func import functional_call

from cape_mm.engine.checkpoint_names import rename
from tests.support import peer_heads
from tests.support.peer_parity import Case, Recorder, digest

SMALL = [
    ('capeformer', 'shot1', None),
    ('capeformer', 'shot2', None),
    ('capeformer', 'clamp', 'shot1'),
]


def run(head, weights, case):
    """Run a head with official weights, backwards too."""
    names, _ = rename(weights, peer_heads.HEADS[case.method].rules)
    own = dict(head.named_parameters())
    assert set(names) == set(own)
    for name, tensor in names.items():
        assert tensor.shape == own[name].shape, name
    names = {
        name: tensor if own[name].requires_grad else tensor.detach()
        for name, tensor in names.items()
    }
    query, supports = case.features()
    recorder = Recorder(head)
    batch = case.episodes()
    result = functional_call(
        head,
        names,
        ((supports.transpose(0, 1).flatten(0, 1),), (query,), batch),
    )
    return result


def close(actual, expected, atol=1e-5, rtol=0.0):
    actual = actual.detach().numpy()
    np.testing.assert_allclose(actual, expected, rtol=rtol, atol=atol)
