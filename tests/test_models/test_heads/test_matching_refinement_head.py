# Copyright (c) cape_mm contributors. All rights reserved.
"""Properties that the official code does not have, or never shows."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from support.peer_heads import METHODS, SUMMED_L1, build_head

from cape_mm.models.heads import MatchingRefinementHead
from cape_mm.structures import DescriptionTable, EpisodeBatch


@pytest.fixture(scope='module')
def text_table(tmp_path_factory):
    path = tmp_path_factory.mktemp('text') / 'table.npz'
    vectors = torch.randn(150, 20, generator=torch.Generator().manual_seed(0))
    names = [f'keypoint {i}' for i in range(150)]
    DescriptionTable(names, vectors.numpy(), 'random').save(path)
    return str(path)


@pytest.fixture(params=sorted(METHODS))
def head(request, text_table):
    torch.manual_seed(0)
    changes = dict(text_table=text_table) if request.param == 'capex' else {}
    head = build_head(request.param, **changes)
    with torch.no_grad():
        # the last layers start from zero: no point would move
        for mlp in head.decoder.point_mlps:
            mlp[-1].weight.normal_(std=0.1)
    return head


def make_batch(episodes=2, shots=1, queries=1, keypoints=5, seed=0):
    generator = torch.Generator().manual_seed(seed)

    def points(members):
        return torch.rand(episodes, members, keypoints, 2, generator=generator)

    adjacency = torch.zeros(episodes, keypoints, keypoints, dtype=torch.bool)
    for i in range(keypoints - 1):
        adjacency[:, i, i + 1] = adjacency[:, i + 1, i] = True
    return EpisodeBatch(
        points(shots),
        torch.ones(episodes, shots, keypoints, dtype=torch.bool),
        points(queries),
        torch.ones(episodes, queries, keypoints, dtype=torch.bool),
        adjacency,
        torch.arange(keypoints).repeat(episodes, 1),
        (tuple(f'keypoint {i}' for i in range(keypoints)),) * episodes,
    )


def features(batch, size=(8, 8), seed=1):
    generator = torch.Generator().manual_seed(seed)
    return tuple(
        (torch.randn(valid.shape[:2].numel(), 24, *size, generator=generator),)
        for valid in (batch.support_valid, batch.query_valid)
    )


def permute(batch, order):
    return replace(
        batch,
        support_points=batch.support_points[:, :, order],
        support_valid=batch.support_valid[:, :, order],
        query_points=batch.query_points[:, :, order],
        query_valid=batch.query_valid[:, :, order],
        adjacency=batch.adjacency[:, order][:, :, order],
        partners=order.argsort()[batch.partners[:, order]],
        keypoint_names=tuple(
            tuple(names[i] for i in order) for names in batch.keypoint_names
        ),
    )


def pad(batch, count):
    def last(x, axes=1):
        size = [*x.shape]
        axis = len(size) - axes
        size[axis] = count
        return torch.cat([x, x.new_zeros(size)], dim=axis)

    adjacency = last(last(batch.adjacency).transpose(1, 2)).transpose(1, 2)
    total = batch.partners.shape[1] + count
    return EpisodeBatch(
        last(batch.support_points, 2),
        last(batch.support_valid),
        last(batch.query_points, 2),
        last(batch.query_valid),
        adjacency,
        torch.arange(total).repeat(len(adjacency), 1),
        batch.keypoint_names,
    )


def take(batch, row):
    fields = {key: value[row] for key, value in vars(batch).items()}
    return EpisodeBatch(**fields)


def test_points_depend_on_the_order_of_keypoints_by_identifiers_alone(head):
    batch = make_batch(shots=2)
    order = torch.tensor([3, 0, 4, 2, 1])
    with torch.no_grad():
        points, scores = head.predict(*features(batch), batch)
        permuted = permute(batch, order)
        others, other_scores = head.predict(*features(batch), permuted)
    equal = torch.allclose(others, points[:, :, order], atol=1e-5)
    assert equal is not head.identifiers
    if equal:
        assert torch.allclose(other_scores, scores[:, :, order], atol=1e-5)


def test_slots_without_keypoint_change_nothing(head):
    batch = make_batch()
    padded = pad(batch, 3)
    with torch.no_grad():
        points, _ = head.predict(*features(batch), batch)
        others, scores = head.predict(*features(batch), padded)
        losses = head.loss(*features(batch), batch)
        other_losses = head.loss(*features(batch), padded)
    assert torch.allclose(others[:, :, :5], points, atol=1e-5)
    assert not scores[:, :, 5:].any()
    for name, loss in losses.items():
        assert torch.allclose(other_losses[name], loss, atol=1e-5), name


def test_a_batch_of_two_is_twice_a_batch_of_one(head):
    batch = make_batch(queries=3)
    batch.support_valid[0, :, 3:] = False
    support, query = features(batch)
    with torch.no_grad():
        together, _ = head.predict(support, query, batch)
        for i in range(2):
            alone, _ = head.predict(
                (support[0][i : i + 1],),
                (query[0][3 * i : 3 * i + 3],),
                take(batch, slice(i, i + 1)),
            )
            present = batch.support_valid[i, 0]
            assert torch.allclose(
                alone[0][:, present], together[i][:, present], atol=1e-5
            )


def test_queries_of_an_episode_do_not_know_each_other(head):
    batch = make_batch(queries=3)
    support, query = features(batch)
    single = replace(
        batch,
        query_points=batch.query_points[:, :1],
        query_valid=batch.query_valid[:, :1],
    )
    with torch.no_grad():
        together, _ = head.predict(support, query, batch)
        alone, _ = head.predict(support, (query[0][::3],), single)
    assert torch.allclose(together[:, :1], alone, atol=1e-5)


def test_the_support_is_projected_once_for_all_queries(head):
    batch = make_batch(queries=4)
    shapes = []
    head.support_projection.register_forward_hook(
        lambda module, inputs, output: shapes.append(output.shape)
    )
    with torch.no_grad():
        head.predict(*features(batch), batch)
    assert shapes == [(2, 5, 32)]


@pytest.mark.parametrize('keypoints', [1, 150])
def test_any_number_of_keypoints(head, keypoints):
    batch = make_batch(keypoints=keypoints, queries=2)
    head.train()
    losses = head.loss(*features(batch), batch)
    sum(losses.values()).backward()
    head.eval()
    with torch.no_grad():
        points, scores = head.predict(*features(batch), batch)
    assert points.shape == (2, 2, keypoints, 2)
    assert torch.isfinite(points).all()
    assert (scores > 0).all() and (scores <= 1 + 1e-6).all()


def test_inputs_that_are_not_square(head):
    head.input_size = (192, 256)
    head.heatmap_size = (48, 64)
    batch = make_batch()
    points, _ = head.predict(*features(batch, (8, 6)), batch)
    losses = head.loss(*features(batch, (8, 6)), batch)
    assert torch.isfinite(points).all()
    assert all(torch.isfinite(loss) for loss in losses.values())


def test_a_support_without_keypoints_gives_numbers_and_no_gradient(head):
    batch = make_batch()
    batch.support_valid[:] = False
    points, scores = head.predict(*features(batch), batch)
    losses = head.train().loss(*features(batch), batch)
    assert torch.isfinite(points).all()
    assert not scores.any()
    sum(losses.values()).backward()
    for parameter in head.parameters():
        assert parameter.grad is None or not parameter.grad.any()


def test_invalid_keypoints_do_not_speak(head):
    batch = make_batch(shots=2)
    batch.support_valid[:, 1, 2] = False
    others = replace(batch, support_points=batch.support_points.clone())
    others.support_points[:, 1, 2] = 0.9
    kept = [0, 1, 3, 4]
    with torch.no_grad():
        points, scores = head.predict(*features(batch), batch)
        moved, _ = head.predict(*features(batch), others)
    assert torch.allclose(points[:, :, kept], moved[:, :, kept], atol=1e-6)
    assert not scores[:, :, 2].any()


def test_any_shot_is_enough_if_asked_for():
    torch.manual_seed(0)
    batch = make_batch(shots=2)
    batch.support_valid[:, 0, 1] = False
    support, query = features(batch)
    head = build_head('capeformer', shots='any')
    with torch.no_grad():
        _, scores = head.predict(support, query, batch)
    assert scores.all()


@pytest.mark.parametrize('options', [dict(shots='most'), dict(graph='around')])
def test_unknown_options_are_refused(options):
    with pytest.raises(ValueError, match='must be'):
        build_head('capeformer', **options)


def test_a_share_of_the_valid_tokens_is_hidden_rounded_down():
    head = build_head('edgecape', masked_share=0.3)
    valid = torch.zeros(400, 12, dtype=torch.bool)
    valid[:200, :10] = True
    valid[200:, 3:6] = True
    torch.manual_seed(0)
    hidden = ~head.masked_refinement._draw_kept(valid)
    assert not (hidden & ~valid).any()
    assert (hidden[:200].sum(dim=1) == 3).all()
    assert not hidden[200:].any()
    assert hidden[:200, :10].any(dim=0).all()


def test_the_masked_pass_is_part_of_the_training_alone():
    head = build_head('edgecape')
    batch = make_batch()
    assert 'loss_masked' not in head.loss(*features(batch), batch)
    assert 'loss_masked' in head.train().loss(*features(batch), batch)


def test_edges_start_from_the_given_skeleton():
    head = build_head('edgecape')
    batch = make_batch()
    matched, _ = head(*features(batch), batch)
    given = batch.adjacency.float()
    expected = given / given.sum(dim=-1, keepdim=True)
    assert torch.allclose(matched.guidance.edges, expected)
    assert torch.allclose(matched.guidance.walks[:, 1], expected)


def test_frozen_modules_are_not_trained():
    head = build_head('edgecape', frozen=['edge_predictor'])
    trained = {
        name.split('.')[0]
        for name, parameter in head.named_parameters()
        if parameter.requires_grad
    }
    assert 'edge_predictor' not in trained and 'decoder' in trained


OFFICIAL_COUNTS = [
    (dict(METHODS['capeformer']['head'], in_channels=2048), 13_016_966),
    (
        dict(graph='pre', in_channels=768, feedforward_channels=768),
        9_013_894,
    ),
    (dict(in_channels=768, feedforward_channels=768), 8_421_766),
    (
        dict(graph='post', in_channels=768, feedforward_channels=768),
        9_012_358,
    ),
    (
        dict(graph='both', in_channels=768, feedforward_channels=768),
        9_604_486,
    ),
]


@pytest.mark.parametrize('options, count', OFFICIAL_COUNTS)
def test_heads_have_as_many_parameters_as_the_official_ones(options, count):
    head = MatchingRefinementHead(
        input_size=(256, 256), loss_coords=SUMMED_L1, **options
    )
    assert sum(parameter.numel() for parameter in head.parameters()) == count


def test_an_edge_predictor_may_have_its_defaults():
    head = MatchingRefinementHead(
        8, (64, 64), dict(type='cape_mm.KeypointL1Loss'), edge_predictor={}
    )
    assert len(head.edge_predictor.layers) == 3
