# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import torch

from cape_mm.models.layers.pavenet import ClipMemory, KeypointDecoder

SHAPES = ((4, 6), (2, 3))
F, K, C = 3, 4, 8


def make_memory(sizes):
    """Clips of images with these sizes, padded to 32 x 48."""
    torch.manual_seed(0)
    valid = torch.zeros(len(sizes), 32, 48, dtype=torch.bool)
    for clip, (height, width) in zip(valid, sizes):
        clip[:height, :width] = True
    cells = sum(height * width for height, width in SHAPES)
    tokens = torch.randn(len(sizes), F, cells, C)
    return ClipMemory.assemble(tokens, valid, SHAPES)


def make_decoder():
    torch.manual_seed(1)
    decoder = KeypointDecoder(
        C, 2, 2, len(SHAPES), F, K, 16, num_points=2
    ).eval()
    for parameter in decoder.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return decoder


def make_persons(clips, count):
    torch.manual_seed(2)
    return (
        torch.randn(clips, count, C),
        torch.rand(clips, count, F, K, 2),
        torch.ones(clips, count, dtype=torch.bool),
    )


def refine(decoder, memory, persons, poses, valid):
    with torch.no_grad():
        return decoder(persons, poses, memory, valid)[-1]


def test_frames_are_not_copied_for_each_person():
    decoder, memory = make_decoder(), make_memory([(32, 48)])
    sizes = []
    for layer in decoder.layers:
        layer.cross_attention.value.register_forward_hook(
            lambda module, inputs, output: sizes.append(output.numel())
        )
    for count in (1, 20):
        refine(decoder, memory, *make_persons(1, count))
    assert sizes == [memory.tokens.numel()] * 4


def test_persons_do_not_influence_each_other():
    decoder, memory = make_decoder(), make_memory([(32, 48)])
    persons = make_persons(1, 3)
    together = refine(decoder, memory, *persons)
    for number in range(3):
        one = slice(number, number + 1)
        alone = refine(decoder, memory, *(value[:, one] for value in persons))
        assert torch.allclose(together.poses[:, one], alone.poses, atol=1e-5)
        assert torch.allclose(together.sigma[:, one], alone.sigma, atol=1e-5)


def test_each_clip_has_its_own_padding():
    decoder = make_decoder()
    memory = make_memory([(32, 48), (16, 48), (32, 24)])
    persons = make_persons(3, 2)
    together = refine(decoder, memory, *persons)
    for number in range(3):
        one = slice(number, number + 1)
        alone = refine(
            decoder, memory.clip(number), *(value[one] for value in persons)
        )
        assert torch.allclose(together.poses[one], alone.poses, atol=1e-5)
