# Copyright (c) cape_mm contributors. All rights reserved.
"""SwinV2 and DINOv2 against numbers of the official code."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.logging import MMLogger
from support.peer_parity import PeerFixture, feature, official_weights

from cape_mm.engine.checkpoint_names import backbones, join_parts
from cape_mm.models.backbones import DINOv2, SwinV2

FILE = 'official_keys.json'


def fill(module, fixture, names):
    """Fill a backbone by the formula, under official names."""
    official = official_weights(fixture, 'none')
    groups = names.group(official)
    weights = join_parts({k: official[v[0]] for k, v in groups.items()})
    own = module.state_dict()
    derived = {key for key in own if 'relative_' in key}
    assert set(own) - derived == set(weights)
    module.load_state_dict(
        {key: value.detach() for key, value in weights.items()}, strict=False
    )
    return module.eval()


@torch.no_grad()
def test_parity_of_swin_v2(peer_parity):
    fixture = PeerFixture(peer_parity / 'swinv2_small.npz')
    backbone = SwinV2(
        input_size=64,
        embed_dims=24,
        depths=(2, 2, 2, 2),
        num_heads=(3, 3, 6, 6),
        window_size=8,
    )
    fill(backbone, fixture, backbones.SWIN_V2)
    found = []
    for stage in backbone.stages:
        stage.merging.register_forward_hook(
            lambda module, inputs, output: found.append(output.flatten(1, 2))
        )
    (output,) = backbone(feature('image', (2, 3, 64, 64)))
    for i, tokens in enumerate(found):
        assert torch.allclose(tokens, fixture[f'stage{i}'], atol=1e-5), i
    assert torch.allclose(output, fixture['output'], atol=1e-5)


@torch.no_grad()
def test_parity_of_dinov2(peer_parity):
    fixture = PeerFixture(peer_parity / 'dinov2_small.npz')
    backbone = DINOv2(trained_size=70, embed_dims=32, depth=2, num_heads=4)
    fill(backbone, fixture, backbones.DINOV2)
    found = []
    backbone.blocks.register_forward_pre_hook(
        lambda module, inputs: found.append(inputs[0])
    )
    (output,) = backbone(feature('image', (2, 3, 112, 112)))
    assert torch.allclose(found[0], fixture['tokens_in'], atol=1e-5)
    assert torch.allclose(output, fixture['output'], atol=1e-5)


@pytest.mark.parametrize(
    'entry, make, names, used',
    [
        ('SwinV2-T', SwinV2, backbones.SWIN_V2, 27_578_154),
        (
            'SwinV2-S',
            lambda: SwinV2(depths=(2, 2, 18, 2)),
            backbones.SWIN_V2,
            48_959_418,
        ),
        (
            'DINOv2 ViT-S/14 (twice: encoder_sample, encoder_query)',
            DINOv2,
            backbones.DINOV2,
            22_056_576,
        ),
    ],
)
def test_every_official_name_has_its_place(
    peer_parity, entry, make, names, used
):
    keys = json.loads((Path(peer_parity) / FILE).read_text())[entry]['keys']
    tensors = {name: torch.zeros(shape) for name, shape in keys.items()}
    groups = names.group(tensors)
    ours = join_parts({k: tensors[v[0]] for k, v in groups.items()})
    own = make().state_dict()
    for name, tensor in ours.items():
        assert own[name].shape == tensor.shape, name
    missing = set(own) - set(ours)
    assert all('relative_' in name for name in missing)
    count = sum(np.prod(shape) for shape in keys.values() if shape)
    assert count >= used


def test_a_frozen_dinov2_is_not_trained():
    backbone = DINOv2(trained_size=70, embed_dims=32, depth=1, num_heads=4)
    (output,) = backbone.train()(torch.rand(1, 3, 28, 42))
    assert output.shape == (1, 32, 2, 3)
    assert not output.requires_grad


@pytest.mark.parametrize(
    'frozen, pretrained, warned',
    [(True, False, True), (True, True, False), (False, False, False)],
)
def test_a_frozen_dinov2_without_weights_is_warned_of(
    frozen, pretrained, warned, caplog, tmp_path
):
    sizes = dict(trained_size=70, embed_dims=32, depth=1, num_heads=4)
    path = tmp_path / 'weights.pth'
    torch.save(DINOv2(**sizes).state_dict(), path)
    init_cfg = dict(type='Pretrained', checkpoint=str(path))
    backbone = DINOv2(
        **sizes, frozen=frozen, init_cfg=init_cfg if pretrained else None
    )
    logger = MMLogger.get_current_instance()
    logger.addHandler(caplog.handler)
    try:
        backbone.init_weights()
    finally:
        logger.removeHandler(caplog.handler)
    assert ('features are random unless load_from' in caplog.text) == warned


def test_swin_v2_runs_at_other_sizes_than_that_of_its_windows():
    backbone = SwinV2(
        input_size=64, embed_dims=24, num_heads=(3, 3, 6, 6), window_size=8
    )
    (output,) = backbone(torch.rand(1, 3, 96, 64))
    assert output.shape == (1, 192, 6, 4)


@torch.no_grad()
@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float64])
def test_dinov2_of_another_precision_takes_other_sizes(dtype):
    backbone = DINOv2(trained_size=70, embed_dims=32, depth=2, num_heads=4)
    images = torch.rand(1, 3, 84, 56, dtype=dtype)
    (level,) = backbone.to(dtype)(images)
    assert level.shape == (1, 32, 6, 4)
    assert level.dtype == dtype
