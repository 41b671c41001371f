# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from functools import partial

import pytest
import torch
from torch.testing import assert_close as torch_assert_close

assert_close = partial(torch_assert_close, atol=1e-4, rtol=1e-4)


@pytest.fixture
def levels(features):
    return features(1, seed=3)


@pytest.fixture
def encoded(head, features, make_batch, with_invalid):
    batch = with_invalid(make_batch(), 'support', [2])
    with torch.no_grad():
        return head(features(2, seed=1), features(2, seed=2), batch)[0]


@torch.no_grad()
def test_cached_equals_uncached_decoding(head, encoded):
    """Without a cache: all steps anew for every keypoint."""
    context = encoded.context
    cached = head.decoder.generate(context)
    valid = context.valid[:, :-1]
    points = torch.zeros_like(cached)
    for i in range(points.shape[1]):
        output = head.decoder(context, points, valid)
        points[:, i] = output.points[-1][:, i]
        assert_close(cached[:, i], points[:, i])
    assert points.std() > 0.01


@torch.no_grad()
def test_generation_equals_teacher_forcing_with_its_own_output(head, encoded):
    context = encoded.context
    points = head.decoder.generate(context)
    forced = head.decoder(context, points, context.valid[:, :-1])
    assert_close(forced.last_points(), points)


@torch.no_grad()
def test_parallel_decoding_feeds_no_point(head, encoded):
    """It equals decoding with unknown points, but for the mask."""
    context = encoded.context
    parallel = head.decoder.parallel(context)
    nothing = torch.zeros_like(context.valid[:, :-1])
    points = parallel.last_points()
    forced = head.decoder(context, points, nothing).last_points()
    assert parallel.points.shape == (2, 2, 6, 2)
    assert (forced - points).abs().max() > 1e-3


@torch.no_grad()
def test_refinement_layers_attend_to_all_valid_proposals(head, levels):
    tokens = torch.randn(1, 5, 16)
    valid = torch.tensor([[True, True, True, True, False]])
    proposals = torch.rand(1, 5, 2)

    def refined(points):
        context = head.decoder.prepare(tokens, valid, points, levels)
        return context.refined[0].points[0]

    before = refined(proposals)
    late, invalid = proposals.clone(), proposals.clone()
    late[:, 3] = 1 - late[:, 3]
    invalid[:, 4] = 1 - invalid[:, 4]
    assert (refined(late)[:, 0] - before[:, 0]).abs().max() > 1e-4
    assert torch.equal(refined(invalid)[:, :4], before[:, :4])


@torch.no_grad()
def test_a_step_attends_only_to_earlier_points(head, encoded):
    context = encoded.context
    valid = context.valid[:, :-1]
    points = torch.rand_like(context.reference[:, :-1])
    before = head.decoder(context, points, valid).points[-1]
    changed = points.clone()
    changed[:, 2] = 1 - changed[:, 2]
    after = head.decoder(context, changed, valid).points[-1]
    assert torch.equal(before[:, :3], after[:, :3])
    assert (before[:, 3] - after[:, 3]).abs().max() > 1e-4


@torch.no_grad()
def test_an_unknown_point_is_not_read(head, encoded):
    context = encoded.context
    known = torch.zeros_like(context.valid[:, :-1])
    points = torch.rand_like(context.reference[:, :-1])
    before = head.decoder(context, points, known).points
    after = head.decoder(context, 1 - points, known).points
    assert torch.equal(before, after)


@torch.no_grad()
def test_forward_appends_the_stop_step(head, encoded):
    context = encoded.context
    valid = context.valid[:, :-1]
    output = head.decoder(context, context.reference[:, :-1], valid)
    num_rows, num_keypoints = valid.shape
    assert output.points.shape == (2, num_rows, num_keypoints + 1, 2)
    assert output.type_logits.shape == (2, num_rows, num_keypoints + 1, 2)
    assert output.sigma is None


def test_generation_keeps_no_state(head, encoded):
    before = set(head.state_dict())
    with torch.no_grad():
        one = head.decoder.generate(encoded.context)
        two = head.decoder.generate(encoded.context)
    assert torch.equal(one, two)
    assert set(head.state_dict()) == before
