# Copyright (c) cape_mm contributors. All rights reserved.
"""Official files of pretrained backbones, from the file into the model."""

from __future__ import annotations

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS, DefaultScope
from support.official_checkpoints import official_backbone

from cape_mm.cli.checkpoint_conversion import _find_config
from cape_mm.engine.checkpoint_conversion import METHODS

TOOL = 'model_converters/convert_cape_checkpoint.py'


def build_with(method: str, checkpoint):
    """Our model of a method, its backbone initialised as the READMEs say."""
    cfg = Config.fromfile(_find_config(METHODS[method].config))
    cfg.merge_from_dict(
        {
            'model.backbone.init_cfg.type': 'Pretrained',
            'model.backbone.init_cfg.checkpoint': str(checkpoint),
        }
    )
    with DefaultScope.overwrite_default_scope(cfg.default_scope):
        model = MODELS.build(cfg.model)
    model.init_weights()
    return model


def assert_weights_are(backbone, name, official):
    """Compare every parameter with the official tensor of its place."""
    ours = dict(backbone.named_parameters())
    total = sum(parameter.numel() for parameter in ours.values())
    compared = 0
    for key, parameter in ours.items():
        if name == 'dinov2-s':
            key = key.replace('class_token', 'cls_token')
            key = key.replace('position_embedding', 'pos_embed')
            key = key.replace('patch_embedding', 'patch_embed.proj')
        else:
            key = key.replace('patch_embedding.0', 'patch_embed.proj')
            key = key.replace('patch_embedding.2', 'patch_embed.norm')
            key = key.replace('stages', 'layers')
            key = key.replace('merging', 'downsample')
            key = key.replace('mlp.3', 'mlp.fc2')
            if 'cpb_mlp' not in key:
                key = key.replace('mlp.0', 'mlp.fc1')
        if name != 'dinov2-s' and key.endswith('qkv.bias'):
            start = key[: -len('qkv.bias')]
            query, value = (official[f'{start}{p}_bias'] for p in 'qv')
            expected = torch.cat([query, torch.zeros_like(query), value])
        else:
            expected = official[key]
        assert parameter.equal(expected), key
        compared += parameter.numel()
    assert compared == total


def write_official(path, name, official, simmim=False):
    """Write a file as Meta or Microsoft publishes it."""
    content = official
    if simmim:
        content = {
            'encoder.' + key.replace('cpb_mlp', 'rpe_mlp'): value
            for key, value in official.items()
            if not key.startswith('head.')
        }
        content['encoder.mask_token'] = torch.zeros(1, 1, 96)
        content['decoder.0.weight'] = torch.zeros(3072, 768, 1, 1)
    torch.save(content if name == 'dinov2-s' else dict(model=content), path)
    return path


@pytest.mark.parametrize(
    'name, simmim, method, unused',
    [
        (
            'dinov2-s',
            False,
            'edgecape-stage1',
            ['1 tensors unused: hides patches in the pre-training'],
        ),
        (
            'swinv2-t',
            False,
            'graphcape-t',
            ['2 tensors unused: classes of ImageNet', 'window size'],
        ),
        pytest.param(
            *('swinv2-s', False, 'graphcape-s'),
            ['2 tensors unused: classes of ImageNet', 'window size'],
            marks=pytest.mark.slow,
        ),
        pytest.param(
            *('swinv2-s', True, 'graphcape-s'),
            ['1 tensors unused: reconstructs patches', 'hides patches'],
            marks=pytest.mark.slow,
        ),
    ],
)
def test_weights_of_a_backbone_arrive_in_the_model(
    name, simmim, method, unused, peer_parity, tmp_path, call_tool, capsys
):
    official = official_backbone(peer_parity, name)
    path = write_official(tmp_path / 'in.pth', name, official, simmim)
    out = tmp_path / 'out.pth'
    call_tool(TOOL, path, out)
    text = capsys.readouterr().out
    assert METHODS[name].title in text
    assert f'model.backbone.init_cfg.checkpoint={out}' in text
    for line in unused:
        assert line in text

    content = torch.load(out, weights_only=True)
    assert all(isinstance(value, torch.Tensor) for value in content.values())
    backbone = build_with(method, out).backbone
    assert set(content) == set(backbone.state_dict())
    assert_weights_are(backbone, name, official)


@pytest.mark.parametrize(
    'change, message',
    [
        (
            lambda state: state.update(register_tokens=torch.zeros(1, 4, 384)),
            'register_tokens',
        ),
        (lambda state: state.pop('blocks.3.attn.qkv.bias'), r'blocks\.3'),
        (
            lambda state: state.update(cls_token=torch.zeros(1, 1, 768)),
            'another size',
        ),
    ],
)
def test_other_backbones_are_refused(
    change, message, peer_parity, tmp_path, call_tool
):
    official = official_backbone(peer_parity, 'dinov2-s')
    change(official)
    path = write_official(tmp_path / 'in.pth', 'dinov2-s', official)
    with pytest.raises(SystemExit, match=message):
        call_tool(TOOL, path, tmp_path / 'out.pth')
    assert not (tmp_path / 'out.pth').exists()
