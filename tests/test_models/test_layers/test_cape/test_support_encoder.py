# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import torch

from cape_mm.models.layers.cape import SkeletonMixing


def mix(tokens, edges, valid=(True, True, True)):
    torch.manual_seed(0)
    adjacency = torch.zeros(1, 3, 3, dtype=torch.bool)
    for start, end in edges:
        adjacency[0, start, end] = adjacency[0, end, start] = True
    layer = SkeletonMixing(tokens.shape[-1])
    with torch.no_grad():
        return layer(tokens, adjacency, torch.tensor([valid]))


def test_without_edges_it_is_the_identity():
    tokens = torch.randn(1, 3, 8)
    assert torch.equal(mix(tokens, []), tokens)


def test_neighbours_speak_and_others_do_not():
    tokens = torch.randn(1, 3, 8)
    changed = tokens.clone()
    changed[0, 1] += torch.randn(8)
    before, after = mix(tokens, [(0, 1)]), mix(changed, [(0, 1)])
    assert not torch.allclose(before[0, 0], after[0, 0])
    assert torch.equal(before[0, 2], after[0, 2])


def test_a_missing_neighbour_is_silent_but_listens():
    tokens = torch.randn(1, 3, 8)
    mixed = mix(tokens, [(0, 1)], valid=(True, False, True))
    assert torch.equal(mixed[0, 0], tokens[0, 0])
    assert not torch.allclose(mixed[0, 1], tokens[0, 1])


def test_messages_are_averaged():
    """Two equal neighbours say as much as one."""
    tokens = torch.randn(1, 3, 8)
    tokens[0, 2] = tokens[0, 1]
    one = mix(tokens, [(0, 1)])
    two = mix(tokens, [(0, 1), (0, 2)])
    torch.testing.assert_close(one[0, 0], two[0, 0])
