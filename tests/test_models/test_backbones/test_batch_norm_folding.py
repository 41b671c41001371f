# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import copy

import pytest
import torch
from support.timm_models import RESNET, VIT, build
from torch import nn

from cape_mm.models.backbones.batch_norm_folding import fold_batch_norm

pytest.importorskip('timm')


def build_frozen(model_name=RESNET, **kwargs):
    """A frozen backbone whose batch normalisation is no identity.

    In float64: random networks enlarge errors of rounding.
    """
    torch.manual_seed(0)
    backbone = build(model_name, frozen_stages='all', **kwargs)
    backbone = backbone.double().eval()
    for module in backbone.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -0.5, 0.5)
            nn.init.uniform_(module.running_var, 0.5, 2)
            nn.init.uniform_(module.weight, 0.5, 2)
            nn.init.uniform_(module.bias, -0.5, 0.5)
    return backbone


def random_images(count=1, generator=None):
    return torch.randn(
        count, 3, 64, 64, dtype=torch.float64, generator=generator
    )


def run_plain(backbone, images):
    """Output of the network itself."""
    return backbone.model.forward_intermediates(
        images,
        backbone._indices,
        intermediates_only=True,
        **backbone._options,
    )


@torch.no_grad()
def assert_same(backbone, seed=1):
    generator = torch.Generator().manual_seed(seed)
    images = random_images(2, generator)
    for level, plain in zip(backbone(images), run_plain(backbone, images)):
        torch.testing.assert_close(level, plain, atol=1e-9, rtol=1e-9)


class TestFoldedNetwork:
    @pytest.mark.parametrize(
        ('model_name', 'expected'),
        [
            ('tf_efficientnet_lite0', [48, 0]),
            (RESNET, [15, 0]),
            ('mobilenetv3_small_050', [34, 0]),
            # of half of them the input is no output of a convolution
            ('densenet121', [121, 62]),
        ],
    )
    def test_gives_the_same_without_batch_norm(self, model_name, expected):
        backbone = build_frozen(model_name)
        assert_same(backbone)
        counts = [
            sum(isinstance(m, nn.BatchNorm2d) for m in network.modules())
            for network in (backbone.model, backbone._folded.network)
        ]
        assert counts == expected

    def test_is_the_network_itself_without_batch_norm(self):
        network = build_frozen(VIT).model
        assert fold_batch_norm(network, None).network is network

    def test_convolutions_that_change_their_weights_stay(self):
        from timm.layers import ScaledStdConv2d

        network = nn.Sequential(ScaledStdConv2d(3, 4, 3), nn.BatchNorm2d(4))
        network = network.eval()
        images = torch.randn(1, 3, 8, 8)
        folded = fold_batch_norm(network, lambda m: m(images)).network
        assert isinstance(folded[1], nn.BatchNorm2d)

    def test_normalisation_of_something_else_stays(self):
        network = nn.Sequential(
            nn.Conv2d(3, 4, 3), nn.ReLU(), nn.BatchNorm2d(4)
        ).eval()
        images = torch.randn(1, 3, 8, 8)
        folded = fold_batch_norm(network, lambda m: m(images)).network
        assert isinstance(folded[2], nn.BatchNorm2d)
        assert torch.equal(folded(images), network(images))


class TestBackbone:
    def test_state_dict_stays_as_it_is(self):
        backbone = build_frozen()
        before = copy.deepcopy(backbone.state_dict())
        parameters = [name for name, _ in backbone.named_parameters()]
        assert_same(backbone)
        after = backbone.state_dict()
        assert list(after) == list(before)
        assert all(torch.equal(after[name], before[name]) for name in before)
        assert [n for n, _ in backbone.named_parameters()] == parameters

    def test_is_folded_once(self):
        backbone = build_frozen()
        assert_same(backbone)
        folded = backbone._folded.network
        assert_same(backbone, seed=2)
        assert backbone._folded.network is folded

    def test_loaded_weights_are_used(self):
        backbone, other = build_frozen(), build_frozen()
        other.load_state_dict(
            {k: 1.5 * v for k, v in backbone.state_dict().items()}
        )
        assert_same(backbone)
        backbone.load_state_dict(other.state_dict())
        assert_same(backbone)
        images = random_images()
        assert torch.equal(backbone(images)[0], other(images)[0])

    def test_moved_and_copied_weights_are_used(self):
        backbone = build_frozen()
        assert_same(backbone)
        copied = copy.deepcopy(backbone)
        nn.init.ones_(next(copied.parameters()))
        assert_same(copied)
        assert_same(backbone)
        images = random_images().float()
        assert backbone.float()(images)[0].dtype == torch.float32

    def test_folded_copy_is_neither_copied_nor_moved(self):
        backbone = build_frozen()
        assert_same(backbone)
        assert copy.deepcopy(backbone)._folded is None
        assert backbone._folded is not None
        assert backbone.cpu()._folded is None
        assert_same(backbone)

    def test_nothing_is_folded_while_training(self):
        backbone = build_frozen().train()
        backbone(random_images(2))
        assert backbone._folded is None

    @pytest.mark.parametrize('frozen_stages', [-1, 2])
    def test_what_is_trained_is_not_folded(self, frozen_stages):
        backbone = build(RESNET, frozen_stages=frozen_stages).eval()
        backbone(random_images(2).float())
        assert backbone._folded is None

    def test_works_in_inference_mode_and_afterwards(self):
        backbone = build_frozen()
        images = random_images()
        with torch.inference_mode():
            inside = backbone(images)[0].clone()
        images.requires_grad_()
        outside = backbone(images)[0]
        torch.testing.assert_close(outside, inside)
        outside.sum().backward()
        assert images.grad.abs().sum() > 0
