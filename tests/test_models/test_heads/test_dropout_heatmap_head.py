# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import pytest
import torch
from mmengine.registry import MODELS, DefaultScope
from mmpose.models.heads import HeatmapHead

from cape_mm.models.heads import DropoutHeatmapHead

ARGUMENTS = dict(
    in_channels=12,
    out_channels=5,
    deconv_out_channels=None,
    conv_out_channels=(16,),
    conv_kernel_sizes=(1,),
)


@pytest.fixture
def head():
    torch.manual_seed(0)
    return DropoutHeatmapHead(dropout=0.5, **ARGUMENTS)


@pytest.fixture
def features():
    generator = torch.Generator().manual_seed(0)
    return (torch.rand(2, 12, 6, 8, generator=generator),)


def test_evaluation_is_that_of_the_head_without_dropout(head, features):
    plain = HeatmapHead(**ARGUMENTS)
    plain.load_state_dict(head.state_dict(), strict=True)
    output = head.eval()(features)
    assert output.shape == (2, 5, 6, 8)
    assert torch.equal(output, plain.eval()(features))


def test_training_drops_channels(head, features):
    head.train()
    assert not torch.equal(head(features), head(features))
    dropped = []
    head.final_layer.register_forward_hook(
        lambda module, args, output: dropped.append(args[0])
    )
    head(features)
    is_dropped = dropped[0].flatten(2).eq(0).all(dim=2)
    assert 0.2 < is_dropped.float().mean() < 0.8, 'whole channels'


def test_without_dropout_training_is_deterministic(features):
    head = DropoutHeatmapHead(dropout=0.0, **ARGUMENTS).train()
    assert torch.equal(head(features), head(features))


def test_a_config_names_it():
    with DefaultScope.overwrite_default_scope('mmpose'):
        head = MODELS.build(
            dict(type='cape_mm.DropoutHeatmapHead', dropout=0.2, **ARGUMENTS)
        )
    assert head.dropout.p == 0.2
