# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from support.episodes import (
    check_pretrained_head,
    hide_last,
    make_episodes,
    predict,
)
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


@pytest.fixture
def official_head(fixture) -> MetaPointHead:
    # in double precision, of which rounding is no part of the comparison
    head = MetaPointHead(WIDTHS, num_slots=5, dropout=0.0).eval().double()
    fill(head, fixture, metapoint.HEAD)
    return head


def official_inputs(fixture, case: str) -> tuple:
    batch = make_batch(fixture, case)
    batch = replace(
        batch,
        support_points=batch.support_points.double(),
        query_points=batch.query_points.double(),
    )
    num_shots = batch.support_valid.shape[1]

    def levels(*names: str) -> tuple:
        return tuple(
            torch.stack(
                [feature(f'{n}_{level}', (2, *size)) for n in names], dim=1
            )
            .flatten(0, 1)
            .double()
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
        assert_close(value[valid].float(), expected[valid], atol=atol, rtol=0)

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
    assert_close(refined[valid].float(), expected[valid], atol=1e-5, rtol=0)


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
            losses[names[name]].float(), expected, atol=1e-5, rtol=0, msg=name
        )
    sum(losses.values()).backward()
    gradients = named_gradients(official_head, fixture, metapoint.HEAD)
    assert len(gradients) == 243
    assert_gradients(fixture, 'shot1_train', gradients)


def build_head(**kwargs) -> MetaPointHead:
    torch.manual_seed(len(kwargs))
    return MetaPointHead(
        WIDTHS,
        embed_dims=32,
        num_meta_points=36,
        num_slots=12,
        num_layers=2,
        encoder_heads=4,
        encoder_channels=32,
        input_size=(192, 128),
        dropout=0.0,
        **kwargs,
    )


@pytest.fixture
def head() -> MetaPointHead:
    head = build_head()
    for decoder in (head.meta_decoder, head.refinement_decoder):
        for mlp in decoder.point_mlps:
            torch.nn.init.normal_(mlp[-1].weight, std=0.3)
    return head.eval()


def features(count: int, seed: int = 0) -> tuple:
    generator = torch.Generator().manual_seed(seed)
    sizes = ((16, 24), (8, 12), (4, 6))
    return tuple(
        torch.randn(count, channels, *size, generator=generator)
        for channels, size in zip(WIDTHS, sizes)
    )


def run(head, batch):
    return predict(head, features, batch)


def test_there_are_as_many_parameters_as_in_the_official_head():
    head = MetaPointHead()
    assert sum(p.numel() for p in head.parameters()) == 9993582


def test_several_queries_are_as_one_after_the_other(head):
    batch = make_episodes(num_shots=2, num_queries=3)
    points, scores = run(head, batch)
    assert points.shape == (2, 3, 5, 2)
    query = [level.unflatten(0, (2, 3)) for level in features(6, seed=1)]
    for i in range(3):
        with torch.no_grad():
            one, score = head.predict(
                features(4), tuple(level[:, i] for level in query), batch
            )
        assert_close(one[:, 0], points[:, i], atol=1e-4, rtol=0)
        assert_close(score[:, 0], scores[:, i], atol=1e-4, rtol=0)


def test_padding_up_to_the_slots_changes_nothing(head):
    """A batch may hold an episode of more keypoints."""
    batch = make_episodes()
    padded = replace(
        batch,
        support_points=F.pad(batch.support_points, (0, 0, 0, 4)),
        support_valid=F.pad(batch.support_valid, (0, 4)),
    )
    points, scores = run(head, batch)
    other, other_scores = run(head, padded)
    assert other[:, :, :5].equal(points)
    assert other_scores[:, :, :5].equal(scores)
    assert not other_scores[:, :, 5:].any()


def test_where_an_absent_keypoint_was_changes_nothing(head):
    batch = make_episodes()
    hidden, moved = hide_last(batch)
    points, scores = run(head, hidden)
    other, _ = run(head, moved)
    assert points.equal(other)
    assert not scores[..., 4].any()


@pytest.mark.parametrize('num_keypoints', [1, 30])
def test_any_number_of_keypoints_up_to_the_meta_points(head, num_keypoints):
    """With more keypoints than slots, too."""
    points, scores = run(head, make_episodes(num_keypoints=num_keypoints))
    assert points.shape == (2, 1, num_keypoints, 2)
    assert points.isfinite().all()
    assert ((scores >= 0) & (scores <= 1)).all()


def test_more_keypoints_than_meta_points_are_refused(head):
    with pytest.raises(ValueError, match='37 keypoints for 36 meta'):
        run(head, make_episodes(num_keypoints=37))


def test_the_same_input_gives_the_same_result(head):
    """The official code drops out at test."""
    batch = make_episodes()
    assert run(head, batch)[0].equal(run(head, batch)[0])


def test_labels_of_queries_do_not_reach_predictions(head):
    batch = make_episodes()
    other = replace(batch, query_valid=torch.zeros_like(batch.query_valid))
    assert run(head, batch)[0].equal(run(head, other)[0])


def test_nothing_visible_gives_finite_losses_and_points(head):
    batch = make_episodes()
    nothing = torch.zeros_like(batch.support_valid)
    batch = replace(batch, support_valid=nothing, query_valid=nothing)
    points, scores = run(head, batch)
    assert points.isfinite().all()
    assert not scores.any()
    losses = head.loss(features(2), features(2, seed=1), batch)
    assert all(loss.isfinite() for loss in losses.values())


def test_a_few_steps_bring_the_keypoints_to_their_targets(head):
    batch = make_episodes()
    head.train()
    optimizer = torch.optim.Adam(head.parameters(), lr=1e-3)
    history = []
    for _ in range(40):
        losses = head.loss(features(2), features(2, seed=1), batch)
        optimizer.zero_grad()
        sum(losses.values()).backward()
        optimizer.step()
        history.append(losses['loss_coords'].item())
    assert history[-1] < 0.85 * history[0]
    missing = [n for n, p in head.named_parameters() if p.grad is None]
    assert not missing


def test_init_cfg_pretrained_is_kept(head, tmp_path):
    check_pretrained_head(head, build_head, tmp_path)
