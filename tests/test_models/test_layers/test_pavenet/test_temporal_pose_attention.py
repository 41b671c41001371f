# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from cape_mm.models.layers.pavenet import ClipMemory, TemporalPoseAttention

SHAPES = ((4, 6), (2, 3))
B, Q, A, C, HEADS = 2, 5, 3, 8, 2


def make_memory(num_frames, full=True):
    torch.manual_seed(0)
    cells = sum(h * w for h, w in SHAPES)
    valid = torch.ones(B, 32, 48, dtype=torch.bool)
    if not full:
        valid[1, 16:] = False
        valid[1, :, 32:] = False
    tokens = torch.randn(B, num_frames, cells, C)
    return ClipMemory.assemble(tokens, valid, SHAPES)


def make_attention(num_frames, points=1, scale='pose'):
    attention = TemporalPoseAttention(
        C, HEADS, len(SHAPES), num_frames, A, points, scale
    )
    for parameter in attention.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return attention


def per_frame_fusion(attention, query, reference, memory):
    """PAVE-Net's form: a softmax in each frame, then a weight per frame."""
    locations, weights = attention.sample_points(query, reference, memory)
    shape = weights.shape[2:]
    logits = attention.weights(query).view(B, Q, *shape)
    value = attention.value(memory.tokens)
    value = value.masked_fill(~memory.valid[:, None, :, None], 0)
    sums, outputs = [], []
    for frame in range(shape[0]):
        own = logits[:, :, frame]
        inside = own.flatten(3).softmax(-1).view_as(own)
        sums.append(own.exp().flatten(3).sum(-1))
        gathered = torch.zeros(B, Q, HEADS, C // HEADS)
        start = 0
        for level, (height, width) in enumerate(SHAPES):
            cells = value[:, frame, start : start + height * width]
            start += height * width
            maps = cells.transpose(1, 2).reshape(B, HEADS, -1, height, width)
            for head in range(HEADS):
                grid = locations[:, :, frame, head, level].flatten(2, 3)
                found = F.grid_sample(
                    maps[:, head], 2 * grid - 1, align_corners=False
                )
                share = inside[:, :, head, level].flatten(2)
                gathered[:, :, head] += (
                    (found * share[:, None]).sum(-1).transpose(1, 2)
                )
        outputs.append(gathered)
    total = torch.stack(sums).sum(dim=0)
    fused = sum(s[..., None] * o for s, o in zip(sums, outputs))
    return attention.out((fused / total[..., None]).flatten(2))


@pytest.mark.parametrize('num_frames', [1, 3, 5])
@pytest.mark.parametrize('points, scale', [(1, 'pose'), (2, 'cell')])
def test_frames_as_levels_are_the_fusion_of_frames(num_frames, points, scale):
    memory = make_memory(num_frames, full=False)
    attention = make_attention(num_frames, points, scale)
    query = torch.randn(B, Q, C)
    reference = torch.rand(B, Q, num_frames, A, 2)
    assert torch.allclose(
        attention(query, reference, memory),
        per_frame_fusion(attention, query, reference, memory),
        atol=1e-5,
    )


def test_weights_of_all_frames_add_up_to_1():
    attention = make_attention(3)
    _, weights = attention.sample_points(
        torch.randn(B, Q, C), torch.rand(B, Q, 3, A, 2), make_memory(3)
    )
    total = weights.sum(dim=(2, 4, 5, 6))
    assert torch.allclose(total, torch.ones_like(total))


def test_large_logits_do_not_overflow():
    memory, attention = make_memory(3), make_attention(3)
    query, reference = torch.randn(B, Q, C), torch.rand(B, Q, 3, A, 2)
    before = attention(query, reference, memory)
    with torch.no_grad():
        attention.weights.bias += 200
    after = attention(query, reference, memory)
    assert torch.allclose(before, after, atol=1e-3)


def test_points_of_a_new_layer_do_not_depend_on_the_query():
    attention = TemporalPoseAttention(C, HEADS, len(SHAPES), 3, A)
    reference, memory = torch.rand(B, Q, 3, A, 2), make_memory(3)
    places = [
        attention.sample_points(torch.randn(B, Q, C), reference, memory)
        for _ in range(2)
    ]
    assert torch.equal(places[0][0], places[1][0])
    # Of equal weight, and around the keypoints rather than all on them.
    assert torch.allclose(
        places[0][1], torch.tensor(1 / (3 * len(SHAPES) * A))
    )
    gap = places[0][0] - reference[:, :, :, None, None, :, None]
    assert (gap.norm(dim=-1) > 0).all()


def test_points_without_offset_lie_on_the_keypoints_of_each_frame():
    attention = make_attention(3)
    torch.nn.init.zeros_(attention.offsets.weight)
    torch.nn.init.zeros_(attention.offsets.bias)
    memory = make_memory(3, full=False)
    reference = torch.rand(B, Q, 3, A, 2)
    locations, _ = attention.sample_points(
        torch.randn(B, Q, C), reference, memory
    )
    share = torch.tensor([[1.0, 1.0], [32 / 48, 16 / 32]])
    expected = reference * share[:, None, None, None]
    for head in range(HEADS):
        for level in range(len(SHAPES)):
            found = locations[:, :, :, head, level, :, 0]
            assert torch.allclose(found, expected)


def test_padding_has_no_influence():
    memory = make_memory(3, full=False)
    attention = make_attention(3)
    query, reference = torch.randn(B, Q, C), torch.rand(B, Q, 3, A, 2)
    before = attention(query, reference, memory)
    tokens = memory.tokens.masked_fill(~memory.valid[:, None, :, None], 99.0)
    after = attention(query, reference, memory._replace(tokens=tokens))
    assert torch.equal(before, after)
    assert not memory.valid[1].all() and memory.valid[0].all()


def test_options_are_checked():
    with pytest.raises(ValueError, match='scale'):
        make_attention(1, scale='person')
    with pytest.raises(ValueError, match='divide'):
        TemporalPoseAttention(9, 2, 1, 1, 1)
