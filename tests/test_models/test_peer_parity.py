# Copyright (c) cape_mm contributors. All rights reserved.
"""Heads and backbones against numbers from the official code.

Parameters are filled under their official names and renamed by the maps of
the checkpoint converter, so that both are tested together.
"""

from __future__ import annotations

import pytest
from support.peer_heads import (
    build_full_head,
    build_head,
    excess,
    run_full,
    run_small,
)
from support.peer_parity import PeerFixture

STAGE_1 = dict(edge_predictor=None, num_walk_steps=0, masked_share=0.0)
STAGE_2 = dict(num_walk_steps=0)
FROZEN = ('image_projection', 'support_projection', 'edge_predictor')
# method, case, changes of the head
CASES = [
    ('capeformer', 'shot1', {}),
    ('capeformer', 'shot2', {}),
    ('capeformer', 'clamp', {}),
    ('capeformer', 'padded8', dict(num_slots=8)),
    ('graphcape', 'shot1', {}),
    ('graphcape', 'shot2', {}),
    ('graphcape', 'base', dict(graph=None)),
    ('graphcape', 'post', dict(graph='post')),
    ('graphcape', 'both', dict(graph='both')),
    ('capex', 'graph', {}),
    ('capex', 'mlp', dict(graph=None)),
    ('edgecape', 'stage1_shot1', STAGE_1),
    ('edgecape', 'stage1_shot2', STAGE_1),
    ('edgecape', 'stage2_shot1', STAGE_2),
    ('edgecape', 'stage2_shot2', STAGE_2),
    ('edgecape', 'stage2_train', STAGE_2),
    ('edgecape', 'stage3_shot1', {}),
    ('edgecape', 'stage3_shot2', {}),
    ('edgecape', 'stage3_train', dict(frozen=FROZEN)),
]
FULL_CASES = [
    ('capeformer', 'shot1'),
    ('capeformer', 'shot5'),
    ('graphcape', 'shot1'),
    ('edgecape', 'shot1'),
]


def assert_close(found):
    assert 'out/points' in found
    assert not {name: error for name, error in found.items() if error > 1}


@pytest.mark.parametrize('method, case, changes', CASES)
def test_parity_with_the_official_code(
    peer_parity, tmp_path, method, case, changes
):
    fixture = PeerFixture(peer_parity / f'{method}_small.npz')
    if method == 'capex':
        changes = dict(changes, text_table=str(tmp_path / 'text.npz'))
    head = build_head(method, **changes)
    outcome = run_small(method, head, fixture, case)
    assert_close(excess(outcome, fixture, case))


@pytest.mark.parametrize('method, case', FULL_CASES)
def test_parity_at_the_official_size(peer_parity, method, case):
    fixture = PeerFixture(peer_parity / f'{method}_full.npz')
    head = build_full_head(method)
    outcome = run_full(method, head, fixture, case)
    assert_close(excess(outcome, fixture, case, full=True))
