# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import pytest
import torch
from mmcv.ops import MultiScaleDeformableAttention
from torch._subclasses.fake_tensor import FakeTensorMode

from cape_mm.models.layers.cape.deformable_point_decoder import (
    _DeformableAttention,
)

SHAPES = ((4, 6), (8, 12), (16, 24))


@pytest.fixture
def attention():
    torch.manual_seed(0)
    attention = _DeformableAttention(32, 4, 3, 2, dropout=0.0)
    for parameter in attention.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return attention


@pytest.fixture
def inputs():
    generator = torch.Generator().manual_seed(1)

    def random(*shape):
        return torch.randn(*shape, generator=generator)

    points = torch.rand(2, 5, 2, generator=generator)
    levels = [random(2, 32, *shape) for shape in SHAPES]
    return random(2, 5, 32), random(2, 5, 32), points, levels


def test_attention_is_that_of_mmcv(attention, inputs):
    tokens, position, points, levels = inputs
    original = MultiScaleDeformableAttention(
        32, 4, 3, 2, dropout=0.0, batch_first=True
    )
    original.load_state_dict(attention.state_dict())
    expected = original(
        tokens,
        value=torch.cat([level.flatten(2) for level in levels], 2).mT,
        query_pos=position,
        reference_points=points[:, :, None].expand(-1, -1, 3, -1),
        spatial_shapes=torch.tensor(SHAPES),
    )
    torch.testing.assert_close(attention(*inputs), expected)


def test_attention_calls_no_operator_of_mmcv_on_a_gpu():
    """Tensors without values stand in for those of a GPU."""
    with FakeTensorMode(), torch.device('cuda'):
        attention = _DeformableAttention(32, 4, 3, 2)
        tokens, points = torch.empty(2, 5, 32), torch.empty(2, 5, 2)
        levels = [torch.empty(2, 32, *shape) for shape in SHAPES]
        found = attention(tokens, tokens, points, levels)
    assert found.is_cuda
    assert found.shape == tokens.shape


def test_attention_works_in_mixed_precision(attention, inputs):
    expected = attention(*inputs)
    with torch.autocast('cpu', torch.bfloat16):
        found = attention(*inputs)
    torch.testing.assert_close(found, expected, atol=0.3, rtol=0.1)
    tokens, position, points, levels = inputs
    found = attention.bfloat16()(
        tokens.bfloat16(),
        position.bfloat16(),
        points,
        [level.bfloat16() for level in levels],
    )
    assert found.dtype == torch.bfloat16
