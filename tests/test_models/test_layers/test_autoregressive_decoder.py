# Copyright (c) cape_mm contributors. All rights reserved.
from functools import partial

import pytest
import torch
from torch.testing import assert_close as torch_assert_close

assert_close = partial(torch_assert_close, atol=1e-4, rtol=1e-4)


@pytest.fixture
def encoded(head, features, make_batch, with_invalid):
    batch = with_invalid(make_batch(), 'support', [2])
    with torch.no_grad():
        return head.encode(features(2, seed=1), features(2, seed=2), batch)


@torch.no_grad()
def test_cached_equals_uncached_decoding(head, encoded):
    """Without a cache: all steps anew for every keypoint."""
    context = encoded.context
    cached = head.decoder.generate(context)
    num_keypoints = context.tokens.shape[1]
    points = torch.zeros_like(context.proposals)
    for i in range(num_keypoints):
        output = head.decoder(context, points, context.valid)
        points[:, i] = output.points[-1][:, i]
        assert_close(cached.points[:, :, i], output.points[:, :, i])
        assert_close(cached.type_logits[:, :, i], output.type_logits[:, :, i])
    assert points.std() > 0.01


@torch.no_grad()
def test_a_step_sees_only_earlier_points(head, encoded):
    context = encoded.context
    points = torch.rand_like(context.proposals)
    before = head.decoder(context, points, context.valid).points[-1]
    changed = points.clone()
    changed[:, 2] = 1 - changed[:, 2]
    after = head.decoder(context, changed, context.valid).points[-1]
    assert torch.equal(before[:, :3], after[:, :3])
    assert (before[:, 3] - after[:, 3]).abs().max() > 1e-4


@torch.no_grad()
def test_an_unknown_point_is_not_read(head, encoded):
    context = encoded.context
    known = torch.zeros_like(context.valid)
    points = torch.rand_like(context.proposals)
    before = head.decoder(context, points, known).points
    after = head.decoder(context, 1 - points, known).points
    assert torch.equal(before, after)


@torch.no_grad()
def test_forward_appends_the_stop_step(head, encoded):
    context = encoded.context
    output = head.decoder(context, context.proposals, context.valid)
    num_rows, num_keypoints = context.valid.shape
    assert output.points.shape == (2, num_rows, num_keypoints + 1, 2)
    assert output.type_logits.shape == (2, num_rows, num_keypoints + 1, 2)
    assert output.sigma is None


def test_generation_keeps_no_state(head, encoded):
    before = set(head.state_dict())
    with torch.no_grad():
        one = head.decoder.generate(encoded.context).points
        two = head.decoder.generate(encoded.context).points
    assert torch.equal(one, two)
    assert set(head.state_dict()) == before
