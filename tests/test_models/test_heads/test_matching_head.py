# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from support.tiny_matching import (
    build_matcher,
    make_batch,
    match,
    smooth_images,
)

from cape_mm.errors import DataError

CELL = 1 / 32  # of the finest map
POINTS = torch.tensor(
    [[0.31, 0.34], [0.62, 0.3], [0.7, 0.63], [0.42, 0.71], [0.5, 0.48]]
)
EDGES = ((0, 1), (1, 2), (2, 3), (3, 0))


@pytest.fixture(scope='module')
def model():
    return build_matcher()


@pytest.fixture(scope='module')
def episode():
    """Two supports and a query, one after the other, of one object."""
    images = smooth_images(1)
    noise = 0.05 * smooth_images(3, seed=1)
    members = (images + noise).unsqueeze(0)
    points = POINTS.repeat(1, 2, 1, 1)
    return members[:, :2], members[:, 2:], make_batch(points, edges=EDGES)


def errors(found, expected):
    return (found - expected).norm(dim=-1)


@pytest.mark.parametrize('springs', [None, {}])
@pytest.mark.parametrize('edges', [(), EDGES])
def test_a_copy_of_the_support_has_its_keypoints(springs, edges):
    model = build_matcher(springs=springs)
    image = smooth_images(1).unsqueeze(0)
    batch = make_batch(POINTS[None, None], edges=edges)
    points, scores = match(model, image, image, batch)
    assert errors(points[0, 0], POINTS).max() < CELL
    assert scores.shape == (1, 1, 5)
    assert ((scores > 0) & (scores <= 1)).all()


def test_one_scale_is_enough():
    model = build_matcher(map_sizes=(24,))
    model.scales = (1.0,)
    image = smooth_images(1).unsqueeze(0)
    points, _ = match(model, image, image, make_batch(POINTS[None, None]))
    assert errors(points[0, 0], POINTS).max() < 1 / 24


@pytest.mark.parametrize('quarter', [1, 2, 3])
def test_the_prediction_turns_with_the_query(model, quarter):
    image = smooth_images(1).unsqueeze(0)
    turned = torch.rot90(image, quarter, (3, 4))
    points, _ = match(model, image, turned, make_batch(POINTS[None, None]))
    x, y = (POINTS - 0.5).T
    # counter-clockwise on an image whose y points down
    for _ in range(quarter):
        x, y = y, -x
    expected = torch.stack([x, y], -1) + 0.5
    assert errors(points[0, 0], expected).max() < CELL


def test_the_prediction_moves_with_the_query(model):
    large = F.interpolate(
        smooth_images(1), scale_factor=1.25, mode='bilinear'
    ).unsqueeze(0)
    support = large[..., 12:-12, 12:-12]
    points, _ = match(
        model,
        support,
        large[..., 18:-6, 4:-20],
        make_batch(POINTS[None, None]),
    )
    expected = POINTS + torch.tensor([8 / 96, -6 / 96])
    assert errors(points[0, 0], expected).max() < CELL


@pytest.mark.parametrize('scale', [0.85, 1.15])
def test_the_prediction_scales_with_the_query(model, scale):
    image = smooth_images(1)
    theta = torch.tensor([[[1 / scale, 0, 0], [0, 1 / scale, 0]]])
    grid = F.affine_grid(theta, image.shape, align_corners=False)
    query = F.grid_sample(
        image, grid, padding_mode='border', align_corners=False
    )
    points, _ = match(
        model, image[None], query[None], make_batch(POINTS[None, None])
    )
    expected = (POINTS - 0.5) * scale + 0.5
    assert errors(points[0, 0], expected).max() < 1.5 * CELL


def test_partners_change_places_under_a_mirror(model):
    image = smooth_images(1).unsqueeze(0)
    # an object that is its own mirror image: sides tell left from right
    image = (image + image.flip(4)) / 2
    points = torch.tensor([[0.3, 0.4], [0.7, 0.4], [0.5, 0.7]])
    batch = make_batch(points[None, None], partners=[1, 0, 2])
    found, _ = match(model, image, image.flip(4), batch)
    assert errors(found[0, 0], points).max() < CELL
    # one that is not: what was on the left is on the right, and is called so
    image = smooth_images(1).unsqueeze(0)
    found, _ = match(model, image, image.flip(4), batch)
    mirrored = points[[1, 0, 2]] * torch.tensor([-1.0, 1.0])
    mirrored += torch.tensor([1.0, 0.0])
    assert errors(found[0, 0], mirrored).max() < CELL


def test_a_mirrored_query_without_partners_mirrors_the_prediction(model):
    image = smooth_images(1).unsqueeze(0)
    batch = make_batch(POINTS[None, None])
    points, _ = match(model, image, image.flip(4), batch)
    expected = POINTS * torch.tensor([-1.0, 1.0]) + torch.tensor([1.0, 0.0])
    assert errors(points[0, 0], expected).max() < CELL


def test_a_permutation_of_the_keypoints_permutes(model, episode):
    support, query, batch = episode
    points, scores = match(model, support, query, batch)
    order = torch.tensor([3, 0, 4, 1, 2])
    permuted = replace(
        batch,
        support_points=batch.support_points[:, :, order],
        adjacency=batch.adjacency[:, order][:, :, order],
    )
    found, found_scores = match(model, support, query, permuted)
    assert torch.allclose(found, points[:, :, order], atol=1e-4)
    assert torch.allclose(found_scores, scores[:, :, order], atol=1e-4)


def test_the_order_of_shots_does_not_matter(model, episode):
    support, query, batch = episode
    valid = batch.support_valid.clone()
    valid[0, 1, 2] = False
    batch = make_batch(batch.support_points, valid, EDGES)
    points, scores = match(model, support, query, batch)
    swapped = make_batch(batch.support_points.flip(1), valid.flip(1), EDGES)
    found, found_scores = match(model, support.flip(1), query, swapped)
    assert torch.allclose(found, points, atol=1e-4)
    assert torch.allclose(found_scores, scores, atol=1e-4)


def test_episodes_of_a_batch_do_not_influence_each_other(model):
    images = smooth_images(4).view(2, 2, 3, 96, 96)
    torch.manual_seed(0)
    points = 0.25 + 0.5 * torch.rand(2, 1, 5, 2)
    support, query = images[:, :1], images[:, 1:]
    together = match(model, support, query, make_batch(points, edges=EDGES))
    for i in range(2):
        one = slice(i, i + 1)
        alone = match(
            model,
            support[one],
            query[one],
            make_batch(points[one], edges=EDGES),
        )
        for whole, part in zip(together, alone):
            assert torch.allclose(whole[one], part, atol=1e-4)


def test_queries_of_an_episode_do_not_influence_each_other(model, monkeypatch):
    support = smooth_images(1)[None]
    queries = smooth_images(3, seed=2)[None]
    batch = make_batch(POINTS[None, None], num_queries=3)
    together = match(model, support, queries, batch)
    for i in range(3):
        one = slice(i, i + 1)
        alone = match(model, support, queries[:, one], batch)
        for whole, part in zip(together, alone):
            assert torch.allclose(whole[:, one], part, atol=1e-4)
    # in parts, to bound the memory
    monkeypatch.setattr('cape_mm.models.heads.matching_head._CHUNK', 1)
    for whole, part in zip(together, match(model, support, queries, batch)):
        assert torch.allclose(whole, part, atol=1e-4)


def test_padding_changes_nothing(model, episode):
    support, query, batch = episode
    points, scores = match(model, support, query, batch)
    padded = make_batch(
        F.pad(batch.support_points, (0, 0, 0, 3)),
        F.pad(batch.support_valid, (0, 3)),
        EDGES,
    )
    found, found_scores = match(model, support, query, padded)
    assert torch.allclose(found[:, :, :5], points, atol=1e-4)
    assert torch.allclose(found_scores[:, :, :5], scores, atol=1e-4)
    assert (found_scores[:, :, 5:] == 0).all()


@pytest.mark.parametrize('value', [0.0, 0.9, -3.0])
def test_unlabelled_keypoints_score_nothing_and_never_matter(
    model, episode, value
):
    support, query, batch = episode
    valid = batch.support_valid.clone()
    valid[..., 1] = False
    reference = make_batch(batch.support_points, valid, EDGES)
    points, scores = match(model, support, query, reference)
    assert (scores[..., 1] == 0).all()
    assert points.isfinite().all()
    changed = reference.support_points.clone()
    changed[..., 1, :] = value
    found, found_scores = match(
        model, support, query, replace(reference, support_points=changed)
    )
    others = [0, 2, 3, 4]
    assert torch.allclose(found[..., others, :], points[..., others, :])
    assert torch.allclose(found_scores, scores)


def test_a_keypoint_of_one_shot_alone_is_found(model, episode):
    support, query, batch = episode
    valid = batch.support_valid.clone()
    valid[0, 0, 4] = False
    batch = make_batch(batch.support_points, valid, EDGES)
    points, scores = match(model, support, query, batch)
    assert errors(points[0, 0], POINTS).max() < 2 * CELL
    assert (scores > 0).all()


@pytest.mark.parametrize('count', [1, 2])
def test_one_or_two_keypoints_are_found(model, count):
    image = smooth_images(1).unsqueeze(0)
    batch = make_batch(POINTS[None, None, :count])
    points, _ = match(model, image, image, batch)
    assert errors(points[0, 0], POINTS[:count]).max() < CELL


def test_nothing_labelled_scores_nothing(model, episode):
    support, query, batch = episode
    batch = make_batch(
        batch.support_points, torch.zeros_like(batch.support_valid), EDGES
    )
    points, scores = match(model, support, query, batch)
    assert points.isfinite().all() and (scores == 0).all()


def test_empty_images_give_finite_results(model):
    image = torch.zeros(1, 1, 3, 96, 96)
    points, scores = match(
        model, image, image, make_batch(POINTS[None, None], edges=EDGES)
    )
    assert points.isfinite().all() and scores.isfinite().all()


def test_results_are_inside_the_input(model):
    torch.manual_seed(0)
    query = torch.randn(1, 1, 3, 96, 96)
    points, scores = match(
        model,
        smooth_images(1)[None],
        query,
        make_batch(torch.rand(1, 1, 6, 2)),
    )
    assert ((points >= 0) & (points <= 1)).all()
    assert ((scores >= 0) & (scores <= 1)).all()


def test_another_object_scores_less_than_the_same(model):
    support = smooth_images(1)[None]
    batch = make_batch(POINTS[None, None])
    _, same = match(model, support, support, batch)
    _, other = match(model, support, smooth_images(1, seed=5)[None], batch)
    assert same.mean() > other.mean()


def test_there_is_nothing_to_train(model, episode):
    support, query, batch = episode
    assert not [p for p in model.head.parameters() if p.requires_grad]
    with pytest.raises(NotImplementedError, match='no weights to train'):
        model.head.loss(
            model.encode_supports(support), model.encode_queries(query), batch
        )


def test_two_shots_that_disagree_count_the_same_from_every_side(model):
    images = smooth_images(1) + 0.05 * smooth_images(3, seed=1)
    images = images.unsqueeze(0)
    apart = torch.tensor([-0.06, 0.06])[:, None, None]
    labels = (POINTS + apart).unsqueeze(0)
    points, scores = match(
        model, images[:, :2], images[:, 2:], make_batch(labels)
    )
    turned = images.flip(3, 4)
    found, found_scores = match(
        model, turned[:, :2], turned[:, 2:], make_batch(1 - labels)
    )
    assert torch.allclose(found, 1 - points, atol=1e-3)
    assert torch.allclose(found_scores, scores, atol=1e-3)


def test_a_shot_without_a_keypoint_has_no_say_in_its_place():
    model = build_matcher(springs=None)
    image = smooth_images(1).unsqueeze(0)
    apart = torch.tensor([-0.06, 0.02, 0.0, 0.0, 0.0])[:, None, None]
    labels = (POINTS + apart).unsqueeze(0)
    valid = torch.ones(1, 5, 5, dtype=torch.bool)
    valid[0, 2:, 0] = False
    five = make_batch(labels, valid)
    two = make_batch(labels[:, :2])
    points, _ = match(model, image.expand(-1, 5, -1, -1, -1), image, five)
    expected, _ = match(model, image.expand(-1, 2, -1, -1, -1), image, two)
    assert torch.allclose(points[..., 0, :], expected[..., 0, :], atol=1e-4)


def test_each_shot_may_label_a_keypoint_of_its_own():
    model = build_matcher()
    image = smooth_images(1).unsqueeze(0)
    labels = POINTS.expand(1, 5, 5, 2)
    valid = torch.eye(5, dtype=torch.bool).unsqueeze(0)
    points, scores = match(
        model,
        image.expand(-1, 5, -1, -1, -1),
        image,
        make_batch(labels, valid),
    )
    assert errors(points[0, 0], POINTS).max() < 2 * CELL
    assert (scores > 0).all()


def test_one_side_alone_is_found_in_a_mirrored_query(model):
    image = smooth_images(1).unsqueeze(0)
    valid = torch.tensor([[[True, False, True, True, True]]])
    batch = make_batch(
        POINTS[None, None], valid, EDGES, partners=[1, 0, 2, 3, 4]
    )
    points, scores = match(model, image, image.flip(4), batch)
    mirrored = POINTS * torch.tensor([-1.0, 1.0]) + torch.tensor([1.0, 0.0])
    others = [0, 2, 3, 4]
    assert errors(points[0, 0, others], mirrored[others]).max() < CELL
    assert (scores[..., others] > 0).all() and (scores[..., 1] == 0).all()


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_precision_matches_in_float32(model, episode, dtype):
    support, query, batch = episode
    levels = [
        tuple(level.to(dtype) for level in encode(images))
        for encode, images in (
            (model.encode_supports, support),
            (model.encode_queries, query),
        )
    ]
    with torch.no_grad(), torch.autocast('cpu', torch.bfloat16):
        points, scores = model.head.predict(*levels, batch)
    assert points.dtype == scores.dtype == torch.float32
    expected, expected_scores = match(model, support, query, batch)
    assert errors(points, expected).max() < CELL
    assert torch.allclose(scores, expected_scores, atol=0.02)


def test_levels_that_do_not_fit_the_weights_are_refused(model, episode):
    support, query, batch = episode
    model = build_matcher(map_sizes=(24,))
    with pytest.raises(DataError, match='2 level_weights and 1 map_sizes'):
        match(model, support, query, batch)
