# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from support.episodes import (
    check_pretrained_head,
    hide_last,
    make_episodes,
    predict,
)
from support.peer_parity import PeerFixture, fill, flat_supports
from torch.testing import assert_close

from cape_mm.engine.checkpoint_names import scape
from cape_mm.errors import DataError
from cape_mm.models.heads import OneStageKeypointHead
from cape_mm.structures.coordinates import pixels_to_norm


@pytest.fixture(scope='module')
def fixture(peer_parity) -> PeerFixture:
    return PeerFixture(peer_parity / 'scape_small.npz')


@pytest.mark.parametrize('case', ['shot1', 'shot2'])
def test_parity_with_the_official_code(fixture, case):
    head = OneStageKeypointHead(24).eval()
    fill(head, fixture, scape.HEAD)
    supports = fixture[f'{case}/in/feature_s']
    joints = fixture[f'{case}/in/joints_s'].transpose(0, 1)
    target = fixture[f'{case}/in/target_s'].transpose(0, 1)
    batch = replace(
        make_episodes(3, num_shots=len(supports)),
        support_points=pixels_to_norm(joints, (256, 256)),
        support_valid=target.flatten(-2).any(dim=-1),
    )
    perceived = []
    head.perceptor.register_forward_hook(
        lambda module, args, output: perceived.append(output)
    )
    with torch.no_grad():
        points, valid = head(
            (flat_supports(supports),),
            (fixture[f'{case}/in/feature_q'],),
            batch,
        )
    assert valid.equal(fixture[f'{case}/in/mask_s'][..., 0] > 0)
    expected = fixture[f'{case}/mid/perceived']
    assert_close(
        perceived[0][:, :5][valid], expected[valid], atol=1e-5, rtol=1e-5
    )
    expected = fixture[f'{case}/out/points']
    assert_close(points[valid], expected[valid], atol=1e-5, rtol=0)


def build_head(**kwargs) -> OneStageKeypointHead:
    torch.manual_seed(len(kwargs))
    head = OneStageKeypointHead(
        24,
        (192, 128),
        embed_dims=32,
        num_heads=4,
        feedforward_channels=32,
        num_slots=12,
        perceptor_dropout=0.0,
        dropout=0.0,
        **kwargs,
    )
    return head.eval()


@pytest.fixture
def head() -> OneStageKeypointHead:
    return build_head()


def features(count: int, seed: int = 0) -> tuple:
    generator = torch.Generator().manual_seed(seed)
    return (torch.randn(count, 24, 4, 6, generator=generator),)


def run(head, batch):
    return predict(head, features, batch)


def test_there_are_as_many_trained_parameters_as_in_the_official_head():
    """The official count of 4,443,762 has 40,800 that are never used."""
    head = OneStageKeypointHead()
    assert sum(p.numel() for p in head.parameters()) == 4402962


def test_several_queries_are_as_one_after_the_other(head):
    batch = make_episodes(num_shots=2, num_queries=3)
    points, _ = run(head, batch)
    query = features(6, seed=1)[0].unflatten(0, (2, 3))
    for i in range(3):
        with torch.no_grad():
            one, _ = head.predict(features(4), (query[:, i],), batch)
        assert_close(one[:, 0], points[:, i], atol=1e-5, rtol=0)


def test_where_an_absent_keypoint_was_changes_nothing(head):
    batch = make_episodes()
    hidden, moved = hide_last(batch)
    points, scores = run(head, hidden)
    other, _ = run(head, moved)
    assert_close(points[..., :4, :], other[..., :4, :])
    assert not scores[..., 4].any()


@pytest.mark.parametrize('num_keypoints', [1, 12])
def test_any_number_of_keypoints_up_to_the_slots(head, num_keypoints):
    points, _ = run(head, make_episodes(num_keypoints=num_keypoints))
    assert points.shape == (2, 1, num_keypoints, 2)
    assert points.isfinite().all()


def test_more_keypoints_than_slots_are_refused(head):
    with pytest.raises(DataError, match='13 keypoints for 12 slots'):
        run(head, make_episodes(num_keypoints=13))


def test_nothing_visible_gives_finite_points(head):
    batch = make_episodes()
    nothing = torch.zeros_like(batch.support_valid)
    points, scores = run(head, replace(batch, support_valid=nothing))
    assert points.isfinite().all()
    assert not scores.any()


def test_a_few_steps_bring_the_keypoints_to_their_targets(head):
    batch = make_episodes()
    optimizer = torch.optim.Adam(head.parameters(), lr=3e-3)
    history = []
    for _ in range(30):
        loss = head.loss(features(2), features(2, seed=1), batch)
        optimizer.zero_grad()
        loss['loss_coords'].backward()
        optimizer.step()
        history.append(loss['loss_coords'].item())
    assert history[-1] < 0.5 * history[0]
    missing = [n for n, p in head.named_parameters() if p.grad is None]
    assert not missing


def test_init_cfg_pretrained_is_kept(head, tmp_path):
    check_pretrained_head(head, build_head, tmp_path)


def test_points_are_float32_in_mixed_precision(head):
    with torch.no_grad(), torch.autocast('cpu', torch.bfloat16):
        output = head(features(2), features(2, seed=1), make_episodes())
    assert output.points.dtype == torch.float32
