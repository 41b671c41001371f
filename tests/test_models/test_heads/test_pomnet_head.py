# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from dataclasses import fields, replace
from functools import partial

import pytest
import torch
from support.episodes import (
    check_pretrained_head,
    hide_last,
    make_episodes,
    predict,
)
from support.peer_parity import (
    PeerFixture,
    feature,
    fill,
    flat_supports,
    make_batch,
    official_points,
)
from torch.testing import assert_close

from cape_mm.engine.checkpoint_names import pomnet
from cape_mm.models.heads import PomnetHead
from cape_mm.models.heads.pomnet_head import _find_peaks
from cape_mm.structures import EpisodeBatch

SIZES = dict(
    in_channels=24,
    embed_dims=32,
    num_heads=4,
    num_encoder_layers=2,
    num_decoder_layers=2,
    feedforward_channels=48,
    deconv_channels=16,
)
# the official code makes NaN of the third sample
SAMPLES = slice(0, 2)


@pytest.fixture(scope='module')
def fixture(peer_parity) -> PeerFixture:
    return PeerFixture(peer_parity / 'pomnet_small.npz')


@pytest.fixture
def official_head(fixture) -> PomnetHead:
    head = PomnetHead(**SIZES).eval()
    fill(head, fixture, pomnet.HEAD)
    return head


@pytest.fixture
def head() -> PomnetHead:
    torch.manual_seed(0)
    head = PomnetHead(**SIZES)
    # heatmaps of weights so small would all be equal
    torch.nn.init.normal_(head.final_layer.weight)
    return head.eval()


def features(count: int, size=(4, 6), seed: int = 0) -> tuple:
    generator = torch.Generator().manual_seed(seed)
    return (torch.randn(count, 24, *size, generator=generator),)


def run(head, batch: EpisodeBatch, size=(4, 6)):
    return predict(head, partial(features, size=size), batch)


@pytest.mark.parametrize('case', ['shot1', 'shot2'])
class TestParity:
    def inputs(self, fixture, case):
        return (
            (flat_supports(fixture[f'{case}/in/feature_s'], SAMPLES),),
            (fixture[f'{case}/in/feature_q'][SAMPLES],),
            make_batch(fixture, case, SAMPLES),
        )

    def test_features_are_those_of_the_formula(self, fixture, case):
        query = fixture[f'{case}/in/feature_q']
        assert_close(feature('feature_q', tuple(query.shape)), query)

    def test_heatmaps_are_those_of_the_official_code(
        self, official_head, fixture, case
    ):
        tokens, memory = [], []
        official_head.decoder_norm.register_forward_hook(
            lambda module, args, output: tokens.append(output)
        )
        official_head.encoder[-1].register_forward_hook(
            lambda module, args, output: memory.append(output)
        )
        with torch.no_grad():
            output = official_head(*self.inputs(fixture, case))
        assert_close(
            memory[0], fixture[f'{case}/mid/memory'], atol=1e-5, rtol=0
        )
        valid = output.valid
        mask = fixture[f'{case}/in/mask_s'][SAMPLES, :, 0] > 0
        assert valid.equal(mask)
        expected = fixture[f'{case}/mid/decoder_tokens'][-1]
        assert_close(tokens[0][valid], expected[valid], atol=1e-5, rtol=0)
        expected = fixture[f'{case}/out/heatmaps']
        assert_close(
            output.heatmaps[valid], expected[valid], atol=1e-5, rtol=0
        )

    def test_points_are_decoded_from_the_official_heatmaps(
        self, official_head, fixture, case
    ):
        with torch.no_grad():
            points, _ = official_head.predict(*self.inputs(fixture, case))
        heatmaps = fixture[f'{case}/out/heatmaps']
        cells = official_points(points[:, 0]) * 64
        valid = fixture[f'{case}/in/mask_s'][SAMPLES, :, 0] > 0
        peak = heatmaps.flatten(2).argmax(-1)
        peak = torch.stack([peak % 64, peak // 64], dim=-1)
        assert (cells - peak).abs()[valid].max() <= 0.25 + 1e-4

    def test_targets_of_the_loss_are_the_official_ones(
        self, official_head, fixture, case
    ):
        compared = []
        official_head.loss_module.register_forward_hook(
            lambda module, args, output: compared.append(args)
        )
        official_head.loss(*self.inputs(fixture, case))
        _, target, known = compared[0]
        weight = fixture[f'{case}/in/target_weight_q'][SAMPLES, :, 0]
        expected = fixture[f'{case}/in/target_q'][SAMPLES]
        assert_close(target[known > 0], expected[known > 0])
        mask = fixture[f'{case}/in/mask_s'][SAMPLES, :, 0]
        assert_close(known, weight * mask)


def test_there_are_as_many_parameters_as_in_the_official_head():
    head = PomnetHead()
    assert sum(p.numel() for p in head.parameters()) == 14058753


def test_keypoints_far_from_the_border_move_towards_the_larger_neighbour():
    maps = torch.zeros(1, 3, 6, 8)
    maps[0, :, 3, 4] = 2
    maps[0, 0, 3, 5] = maps[0, 0, 2, 4] = 1
    maps[0, 1, 3, 3] = maps[0, 1, 4, 4] = 1
    maps[0, 2, 0, 0] = 3
    points, scores = _find_peaks(maps)
    expected = [[4.25, 2.75], [3.75, 3.25], [0, 0]]
    assert_close(points[0], torch.tensor(expected))
    assert scores.tolist() == [[2, 2, 3]]


class TestInvariance:
    def test_permuted_keypoints_give_permuted_points(self, head):
        batch = make_episodes()
        order = torch.tensor([3, 0, 4, 1, 2])
        permuted = EpisodeBatch(
            *(
                getattr(batch, field.name)[:, :, order]
                for field in fields(batch)[:4]
            ),
            batch.adjacency,
            batch.partners,
        )
        points, scores = run(head, batch)
        other, other_scores = run(head, permuted)
        assert_close(other, points[:, :, order])
        assert_close(other_scores, scores[:, :, order])

    def test_an_absent_keypoint_changes_nothing(self, head):
        batch = make_episodes()
        hidden, moved = hide_last(batch)
        points, scores = run(head, hidden)
        other, _ = run(head, moved)
        assert points.equal(other)
        assert not scores[..., 4].any()

    def test_several_queries_are_as_one_after_the_other(self, head):
        batch = make_episodes(num_queries=3)
        points, _ = run(head, batch)
        query = features(6, seed=1)[0].unflatten(0, (2, 3))
        for i in range(3):
            with torch.no_grad():
                one, _ = head.predict(features(2), (query[:, i],), batch)
            assert_close(one[:, 0], points[:, i])

    @pytest.mark.parametrize('num_keypoints', [1, 150])
    def test_any_number_of_keypoints(self, head, num_keypoints):
        points, scores = run(head, make_episodes(num_keypoints=num_keypoints))
        assert points.shape == (2, 1, num_keypoints, 2)
        assert points.isfinite().all()
        assert ((scores >= 0) & (scores <= 1)).all()


def test_no_visible_support_makes_no_nan(head):
    batch = make_episodes()
    valid = batch.support_valid.clone()
    valid[0] = False
    points, scores = run(head, replace(batch, support_valid=valid))
    assert points.isfinite().all()
    assert not scores[0].any()
    assert scores[1].any()


@pytest.mark.parametrize('support_visible', [True, False])
def test_every_parameter_has_a_gradient(head, support_visible):
    batch = make_episodes()
    valid = batch.support_valid & support_visible
    batch = replace(batch, support_valid=valid)
    head.train()
    losses = head.loss(features(2), features(2, seed=1), batch)
    losses['loss_heatmap'].backward()
    missing = [n for n, p in head.named_parameters() if p.grad is None]
    assert not missing


def test_heatmaps_are_decoded_in_mixed_precision(head):
    with torch.autocast('cpu', torch.bfloat16):
        losses = head.loss(features(2), features(2, seed=1), make_episodes())
        points, scores = run(head, make_episodes())
    assert losses['loss_heatmap'].isfinite()
    assert points.dtype == scores.dtype == torch.float32


def test_a_few_steps_bring_the_heatmap_to_its_target(head):
    batch = make_episodes()
    head.train()
    optimizer = torch.optim.Adam(head.parameters(), lr=3e-3)
    losses = []
    for _ in range(30):
        loss = head.loss(features(2), features(2, seed=1), batch)
        optimizer.zero_grad()
        loss['loss_heatmap'].backward()
        optimizer.step()
        losses.append(loss['loss_heatmap'].item())
    assert losses[-1] < 0.3 * losses[0]


def test_init_cfg_pretrained_is_kept(head, tmp_path):
    check_pretrained_head(head, partial(PomnetHead, **SIZES), tmp_path)
