# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import pytest
import torch
from support.peer_parity import (
    PeerFixture,
    assert_gradients,
    feature,
    fill,
    make_batch,
    named_gradients,
)
from torch.testing import assert_close

from cape_mm.engine.checkpoint_names import metapoint
from cape_mm.models.heads import MetaPointHead

WIDTHS = (12, 18, 24)
LEVELS = dict(c3=(12, 32, 32), c4=(18, 16, 16), c5=(24, 8, 8))


@pytest.fixture(scope='module')
def fixture(peer_parity) -> PeerFixture:
    return PeerFixture(peer_parity / 'metapoint_small.npz')


@pytest.fixture(scope='module')
def official_head(fixture) -> MetaPointHead:
    head = MetaPointHead(WIDTHS, num_slots=5, dropout=0.0).eval()
    fill(head, fixture, metapoint.HEAD)
    return head


def official_inputs(fixture, case: str) -> tuple:
    batch = make_batch(fixture, case)
    num_shots = batch.support_valid.shape[1]

    def levels(*names: str) -> tuple:
        return tuple(
            torch.stack(
                [feature(f'{n}_{level}', (2, *size)) for n in names], dim=1
            ).flatten(0, 1)
            for level, size in LEVELS.items()
        )

    supports = levels(*(f'support{i}' for i in range(num_shots)))
    return supports, levels('query'), batch


@pytest.mark.parametrize('case', ['shot1', 'shot2', 'shot1_train'])
def test_parity_of_points(official_head, fixture, case):
    support, query, batch = official_inputs(fixture, case)
    known = batch.query_valid if 'train' in case else None
    found = {}
    hooks = [
        module.register_forward_hook(
            lambda module, args, output, name=name: found.update(
                {name: output}
            )
        )
        for name, module in official_head.named_children()
    ]
    with torch.no_grad():
        output = official_head(support, query, batch, known)
    for hook in hooks:
        hook.remove()

    def compare(value, name, valid=slice(None), atol=1e-5):
        expected = fixture[f'{case}/{name}']
        assert_close(value[valid], expected[valid], atol=atol, rtol=0)

    compare(output.meta.points.transpose(0, 1), 'out/meta_points_query')
    compare(output.meta.visibility, 'out/meta_visible_query')
    valid = output.valid
    if known is not None:
        valid = valid & known[:, 0]
    num_keypoints = valid.shape[1]
    assigned = output.assigned[:, :num_keypoints]
    expected = fixture[f'{case}/out/assigned']
    assert assigned[valid].equal(expected[valid])
    compare(
        found['encoder'][1][:, :num_keypoints], 'mid/enhanced', valid, 3e-5
    )
    compare(found['fusion'][:, :num_keypoints], 'mid/refine_in', valid, 3e-5)
    refined = output.points.permute(1, 2, 0, 3)
    expected = fixture[f'{case}/out/refined'].transpose(1, 2)
    assert_close(refined[valid], expected[valid], atol=1e-5, rtol=0)


def test_parity_of_losses_and_gradients(official_head, fixture):
    official_head.zero_grad()
    losses = official_head.loss(*official_inputs(fixture, 'shot1_train'))
    names = dict(
        loss_m0='d0.loss_meta',
        loss_m1='d1.loss_meta',
        loss_m2='loss_meta',
        loss_r0='d0.loss_coords',
        loss_r1='d1.loss_coords',
        loss_r2='loss_coords',
        loss_vp='loss_visible',
        loss_vn='loss_hidden',
    )
    assert set(names.values()) == set(losses)
    for name, expected in fixture.losses('shot1_train').items():
        assert_close(
            losses[names[name]], expected, atol=1e-5, rtol=0, msg=name
        )
    sum(losses.values()).backward()
    gradients = named_gradients(official_head, fixture, metapoint.HEAD)
    assert len(gradients) == 243
    assert_gradients(fixture, 'shot1_train', gradients)
