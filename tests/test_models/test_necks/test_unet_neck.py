# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import pytest
import torch
from mmengine.registry import MODELS, DefaultScope

from cape_mm.models.necks import UNetNeck


@pytest.fixture
def levels():
    generator = torch.Generator().manual_seed(0)
    sizes = ((4, 16, 12), (6, 8, 6), (8, 4, 3))
    return [torch.rand(2, *size, generator=generator) for size in sizes]


@pytest.fixture
def neck():
    torch.manual_seed(0)
    return UNetNeck(in_channels=(4, 6, 8), channels=(5, 7, 9))


def test_output_has_the_resolution_of_the_finest_level(neck, levels):
    (output,) = neck(levels)
    assert output.shape == (2, 5, 16, 12)


@pytest.mark.parametrize('index', range(3))
def test_every_level_takes_part(neck, levels, index):
    levels[index].requires_grad_()
    neck.eval()(levels)[0].sum().backward()
    assert levels[index].grad.abs().sum() > 0


def test_sizes_need_not_be_powers_of_two(neck):
    sizes = ((4, 15, 11), (6, 8, 6), (8, 4, 3))
    output = neck([torch.rand(2, *size) for size in sizes])[0]
    assert output.shape == (2, 5, 15, 11)


def test_a_level_without_channels_is_an_error():
    with pytest.raises(ValueError, match='channels must have 3 entries'):
        UNetNeck(in_channels=(4, 6, 8), channels=(5, 7))


def test_a_config_names_it():
    with DefaultScope.overwrite_default_scope('mmpose'):
        neck = MODELS.build(
            dict(type='cape_mm.UNetNeck', in_channels=(4,), channels=(5,))
        )
    assert neck([torch.rand(2, 4, 3, 3)])[0].shape == (2, 5, 3, 3)
