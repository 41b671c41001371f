# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import copy
import re
from pathlib import Path

import pytest
import torch
from support.timm_models import RESNET, SMALL_SWIN, VIT, build, shapes
from torch.nn.modules.batchnorm import _BatchNorm

from cape_mm.errors import DataError

timm = pytest.importorskip('timm')


class TestLevels:
    def test_pyramid_is_given_finest_first(self):
        backbone = build(RESNET, out_indices=(3, 1, -3))
        assert shapes(backbone, 96, 64) == [
            (2, 32, 24, 16),
            (2, 48, 12, 8),
            (2, 192, 6, 4),
        ]

    def test_name_and_index_are_the_same_level(self):
        by_name = build(RESNET, out_indices=('layer2',))
        by_index = build(RESNET, out_indices=(2,))
        assert shapes(by_name, 64) == shapes(by_index, 64)

    def test_indices_and_blocks_can_be_mixed(self):
        backbone = build(
            'tf_efficientnet_lite0', out_indices=(2, 'blocks.3', 'blocks.4')
        )
        assert [s[1] for s in shapes(backbone, 64)] == [40, 80, 112]

    def test_stem_is_a_level_of_mobilenet(self):
        backbone = build(
            'mobilenetv3_small_050', out_indices=('bn1', 'blocks.2')
        )
        assert shapes(backbone, 64) == [(2, 16, 32, 32), (2, 24, 4, 4)]

    @pytest.mark.parametrize(
        'config',
        [
            dict(model_name='tf_efficientnet_lite0', out_indices=(1, 2)),
            dict(
                model_name='tf_efficientnet_lite0', out_indices=('blocks.3',)
            ),
            dict(model_name=RESNET, out_indices=(1, 2)),
            dict(model_name='test_convnext', out_indices=(0, 1)),
            dict(model_name=VIT, out_indices=(1, 3)),
            dict(model_name=VIT, out_indices=(1, 3), final_norm=True),
            dict(SMALL_SWIN, out_indices=(1, 2), img_size=64),
        ],
        ids=lambda config: '{model_name} {out_indices}'.format(**config),
    )
    def test_every_parameter_that_is_kept_is_trained(self, config):
        backbone = build(**config)
        levels = backbone(torch.rand(2, 3, 64, 64))
        sum(level.square().sum() for level in levels).backward()
        unused = [n for n, p in backbone.named_parameters() if p.grad is None]
        assert not unused

    @pytest.mark.parametrize('level', [5, -6, 'layer9', 'blocks.3'])
    def test_unknown_level_is_refused_with_the_known_ones(self, level):
        names = 'act1, layer1, layer2, layer3, layer4'
        with pytest.raises(DataError, match=f'{level!r}: choose .*{names}'):
            build(RESNET, out_indices=(level,))

    def test_output_is_a_tuple(self):
        assert isinstance(build(RESNET)(torch.zeros(2, 3, 64, 64)), tuple)


class TestTransformers:
    def test_vit_gives_maps_at_other_sizes(self):
        backbone = build(VIT, out_indices=(1, 3))
        assert shapes(backbone, 160) == [(2, 64, 10, 10)] * 2
        assert shapes(backbone, 96, 224) == [(2, 64, 6, 14)] * 2

    def test_vit_map_has_the_place_of_the_image(self):
        # A position embedding of zeros and no attention to other tokens: a
        # token is that of its own patch.
        backbone = build(VIT, out_indices=(0,)).eval()
        with torch.no_grad():
            backbone.model.pos_embed.zero_()
            backbone.model.blocks[0].attn.proj.weight.zero_()
            images = torch.zeros(1, 3, 64, 96)
            blank = backbone(images)[0]
            images[..., 32:48, 64:80] = 1
            changed = (backbone(images)[0] - blank).abs().sum(1)[0] > 1e-4
        assert changed.nonzero().tolist() == [[2, 4]]

    def test_dinov3_layout_gives_maps_at_other_sizes(self):
        backbone = build(
            'vit_small_patch16_dinov3', out_indices=(0, 1), depth=2
        )
        assert shapes(backbone, 96, 64) == [(2, 384, 6, 4)] * 2

    def test_final_norm_normalises_every_level(self):
        backbone = build(VIT, out_indices=(0, 3), final_norm=True).eval()
        with torch.no_grad():
            for level in backbone(torch.randn(2, 3, 64, 64)):
                means = level.mean(1)
                torch.testing.assert_close(
                    means, torch.zeros_like(means), atol=1e-5, rtol=0
                )

    @pytest.mark.parametrize('size', [64, 128])
    def test_swin_v2_works_at_a_given_image_size(self, size):
        backbone = build(**SMALL_SWIN, out_indices=(1, 2), img_size=size)
        assert shapes(backbone, size) == [
            (2, 48, size // 8, size // 8),
            (2, 96, size // 16, size // 16),
        ]


class TestFreezing:
    def step(self, backbone):
        """One training step that changes all that may change."""
        backbone.train()
        parameters = [p for p in backbone.parameters() if p.requires_grad]
        optimizer = torch.optim.SGD(parameters, lr=1.0, weight_decay=0.1)
        levels = backbone(torch.randn(2, 3, 64, 64))
        sum(level.mean() for level in levels).backward()
        optimizer.step()

    def changed(self, backbone):
        before = copy.deepcopy(backbone.state_dict())
        self.step(backbone)
        return {
            re.sub(r'^model\.', '', name)
            for name, value in backbone.state_dict().items()
            if not torch.equal(value, before[name])
        }

    @pytest.mark.parametrize(
        ('frozen_stages', 'unchanged'),
        [
            (0, 'conv_stem|bn1'),
            (2, r'conv_stem|bn1|blocks\.[01]\.'),
            (4, r'conv_stem|bn1|blocks\.[0-3]\.'),
        ],
    )
    def test_frozen_stages_do_not_move(self, frozen_stages, unchanged):
        backbone = build(
            'tf_efficientnet_lite0',
            out_indices=('blocks.3', 'blocks.4'),
            frozen_stages=frozen_stages,
        )
        changed = self.changed(backbone)
        expected = {
            name
            for name in backbone.model.state_dict()
            if not re.match(unchanged, name)
        }
        assert changed == expected
        for name, parameter in backbone.model.named_parameters():
            frozen = re.match(unchanged, name) is not None
            assert parameter.requires_grad is not frozen, name
            assert (parameter.grad is None) is frozen, name

    def test_everything_can_be_frozen(self):
        backbone = build(RESNET, frozen_stages='all')
        before = copy.deepcopy(backbone.state_dict())
        backbone.train()
        assert not any(p.requires_grad for p in backbone.parameters())
        assert not any(m.training for m in backbone.model.modules())
        assert not backbone(torch.randn(2, 3, 64, 64))[0].requires_grad
        for name, value in backbone.state_dict().items():
            assert torch.equal(value, before[name]), name

    def test_nothing_is_frozen_by_default(self):
        backbone = build(RESNET).train()
        assert all(p.requires_grad for p in backbone.parameters())
        assert all(m.training for m in backbone.modules())

    def test_frozen_blocks_drop_no_paths(self):
        backbone = build(VIT, frozen_stages=2, drop_path_rate=0.9).train()
        modes = [block.drop_path1.training for block in backbone.model.blocks]
        assert modes == [False, False, True, True, True, True]

    def test_training_again_does_not_unfreeze(self):
        backbone = build(RESNET, frozen_stages=1)
        backbone.requires_grad_(True)
        backbone.eval().train()
        assert not backbone.model.conv1[0].weight.requires_grad
        assert not backbone.model.layer1.training
        assert backbone.model.layer2.training

    def test_statistics_can_be_kept_while_weights_train(self):
        backbone = build(RESNET, norm_eval=True)
        changed = self.changed(backbone)
        assert not [n for n in changed if 'running' in n or 'batches' in n]
        norms = [m for m in backbone.modules() if isinstance(m, _BatchNorm)]
        assert norms
        assert all(norm.weight.requires_grad for norm in norms)
        assert 'layer1.0.conv1.weight' in changed

    def test_copy_is_frozen_too(self):
        backbone = copy.deepcopy(build(RESNET, frozen_stages='all')).train()
        assert not any(m.training for m in backbone.model.modules())

    @pytest.mark.parametrize('frozen_stages', [-2, 5, 'some'])
    def test_unknown_stage_is_refused(self, frozen_stages):
        with pytest.raises(DataError, match="'all' or from -1 to 4"):
            build(RESNET, frozen_stages=frozen_stages)


PAGE = Path(__file__).parents[3] / 'docs' / 'en' / 'backbones.md'


class TestPage:
    """Configs of docs/en/backbones.md, without their weights."""

    def configs(self):
        """Every `dict(model_name=...)` of the page and its comment."""
        text = PAGE.read_text('utf-8')
        config = re.compile(
            r'^(?:# (.+)\n)?(dict\((?:.+\)|\n(?: .+\n)+\)))$', re.M
        )
        return [(note, eval(code)) for note, code in config.findall(text)]

    def test_models_have_the_given_size_and_channels(self):
        configs = self.configs()
        assert len(configs) == 7
        channels = []
        for note, config in configs:
            config = dict(config, pretrained=False)
            config.pop('checkpoint', None)
            with torch.device('meta'):
                model = timm.create_model(config['model_name'])
                backbone = build(**config)
            megabytes = sum(v.numel() for v in model.state_dict().values())
            if note:
                assert f'{megabytes * 4 / 1e6:.0f} MB' in note
            patch = 14 if 'patch14' in config['model_name'] else 16
            side = 224 if patch == 14 else 256
            with torch.no_grad():
                levels = backbone(torch.zeros(1, 3, side, side, device='meta'))
            channels.append([level.shape[1] for level in levels])
        assert channels == [
            [384],
            [768],
            [384],
            [192, 384, 768],
            [192, 384, 768],
            [512, 1024, 2048],
            [384],
        ]

    def test_levels_of_lite0_are_those_of_the_table(self):
        rows = re.findall(
            r"\| `'(blocks\.\d)'` \| (\d+) \| (\d+) \|",
            PAGE.read_text('utf-8'),
        )
        names, strides, channels = zip(*rows)
        backbone = build('tf_efficientnet_lite0', out_indices=names)
        assert [s[1:3] for s in shapes(backbone, 64)] == [
            (int(c), 64 // int(s)) for s, c in zip(strides, channels)
        ]
