# Copyright (c) cape_mm contributors. All rights reserved.
"""Rules about checkpoints that are loaded."""

from __future__ import annotations

import pytest
import torch
from mmengine.registry import DefaultScope

from cape_mm.checks.config_rules.model import DryModel


@pytest.fixture
def checkpoint(cfg, tmp_path):
    """Weights of the whole model, all of them ones."""
    with DefaultScope.overwrite_default_scope('mmpose'):
        shapes = DryModel(cfg.model).shapes
    path = tmp_path / 'whole.pth'
    weights = {name: torch.ones(shape) for name, shape in shapes.items()}
    meta = dict(dataset_meta=dict(dataset_name='aflw'))
    torch.save(dict(state_dict=weights, meta=meta), path)
    return str(path)


def pretrained(checkpoint, **kwargs):
    return dict(type='Pretrained', checkpoint=checkpoint, **kwargs)


def test_whole_model_loaded_into_the_backbone(cfg, ask, checkpoint):
    cfg.model.backbone.init_cfg = pretrained(checkpoint)
    (finding,) = ask('backbone-prefix', cfg)
    assert 'whole.pth' in finding.message
    cfg.model.backbone.init_cfg.prefix = 'backbone.'
    assert not ask('backbone-prefix', cfg)


@pytest.mark.parametrize(
    'url, found',
    [
        ('mmpose/face/hrnetv2/hrnetv2_w18_aflw_256x256-f2bbc62b.pth', 1),
        ('mmpose/v1/pretrained_models/hrnetv2_w18-00eb2006.pth', 0),
    ],
)
def test_whole_model_recognised_by_its_address(cfg, ask, url, found):
    cfg.model.backbone.init_cfg = pretrained(f'https://some.where/{url}')
    assert len(ask('backbone-prefix', cfg)) == found


def test_weights_that_do_not_match(cfg, ask, checkpoint):
    cfg.model.backbone.init_cfg = pretrained(checkpoint)
    (finding,) = ask('checkpoint-match', cfg)
    assert '0 of ' in finding.message
    cfg.model.backbone.init_cfg.prefix = 'backbone.'
    assert not ask('checkpoint-match', cfg)
    cfg.model.head.in_channels = 61
    cfg.load_from = checkpoint
    assert not ask('checkpoint-match', cfg), 'more than 80 % match'


def test_weights_that_are_not_there(cfg, ask):
    cfg.load_from = '/no/such/file.pth'
    (finding,) = ask('checkpoint-match', cfg)
    assert 'cannot be read' in finding.message


def test_head_of_other_landmarks(cfg, ask, checkpoint):
    cfg.load_from = checkpoint
    (finding,) = ask('foreign-final-layer', cfg)
    assert 'aflw' in finding.message
    assert 'cephalogram23' in finding.message
