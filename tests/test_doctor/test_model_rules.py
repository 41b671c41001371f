# Copyright (c) cape_mm contributors. All rights reserved.
"""Rules about the model, its weights and its targets."""

from __future__ import annotations

import pytest
import torch
from mmengine.registry import DefaultScope
from support.recipe_edits import AFFINE, GENERATE, pipeline, set_codec

from cape_mm.doctor import ERROR, WARNING
from cape_mm.doctor.dry_model import DryModel


def test_a_model_that_cannot_be_built(cfg, ask):
    cfg.model.head.no_such_argument = 1
    (finding,) = ask('model-builds', cfg)
    assert 'no_such_argument' in finding.message
    assert finding.severity == ERROR


def test_branches_merged_in_the_head(cfg, ask):
    cfg.model.head.input_transform = 'resize_concat'
    (finding,) = ask('head-arguments', cfg)
    assert 'input_transform' in finding.message
    assert 'FeatureMapProcessor' in finding.advice


def test_forgotten_upsampling_layers(cfg, ask):
    """The default of the head is three of them."""
    del cfg.model.head.deconv_out_channels
    del cfg.model.head.deconv_kernel_sizes
    (finding,) = ask('heatmap-size', cfg)
    assert '256 x 320 cells' in finding.message
    assert '64 x 80' in finding.message


def test_features_that_do_not_pass_the_head(cfg, ask):
    cfg.model.head.in_channels = 270
    (finding,) = ask('heatmap-size', cfg)
    assert 'does not pass' in finding.message


def test_channels_of_another_schema(cfg, ask):
    cfg.model.head.out_channels = 19
    (finding,) = ask('head-channels', cfg)
    assert '19' in finding.message and '23' in finding.message


@pytest.mark.parametrize(
    'transform',
    [
        dict(type='Normalize', mean=[0.0], std=[1.0]),
        dict(type='Albumentation', transforms=[dict(type='Normalize')]),
    ],
    ids=lambda transform: transform['type'],
)
def test_normalised_twice(cfg, ask, transform):
    pipeline(cfg, 'val').insert(3, transform)
    (finding,) = ask('normalised-twice', cfg)
    assert 'val' in finding.message
    cfg.model.data_preprocessor.mean = None
    assert not ask('normalised-twice', cfg)


def test_decoder_of_another_kind(cfg, ask):
    cfg.model.head.decoder = dict(
        type='MegviiHeatmap',
        input_size=(128, 160),
        heatmap_size=(64, 80),
        kernel_size=11,
    )
    (finding,) = ask('encoder-decoder', cfg)
    assert 'MSRAHeatmap' in finding.message
    assert 'MegviiHeatmap' in finding.message


def test_decoder_with_other_settings(cfg, ask):
    cfg.model.head.decoder.unbiased = False
    (finding,) = ask('encoder-decoder', cfg)
    assert 'unbiased' in finding.message


def test_input_of_another_size_than_the_codec(cfg, ask):
    pipeline(cfg, 'val')[2].input_size = (160, 160)
    (finding, *_) = ask('codec-input-size', cfg)
    assert '(160, 160)' in finding.message


def test_udp_on_one_side_only(cfg, ask):
    pipeline(cfg, 'val')[2].use_udp = True
    pipeline(cfg, 'train')[AFFINE].use_udp = True
    (finding, *_) = ask('udp-pairing', cfg)
    assert 'use_udp=True' in finding.message
    set_codec(cfg, type='UDPHeatmap')
    messages = [f.message for f in ask('udp-pairing', cfg)]
    assert all('use_udp=False' in message for message in messages)


def test_targets_that_are_alike(cfg, ask):
    set_codec(cfg, sigma=3.0)
    (finding,) = ask('sigma-overlap', cfg)
    assert finding.message.startswith('U1 and L1 are 1.2 cells apart')
    assert finding.severity == WARNING


def test_targets_that_fill_the_map(cfg, ask):
    set_codec(cfg, sigma=4.0)
    (finding,) = ask('sigma-spread', cfg)
    assert '+-12 cells, 38%' in finding.message


@pytest.mark.parametrize(
    'sigma, unbiased, found',
    [(0.8, False, 1), (1.2, True, 1), (1.2, False, 0)],
)
def test_targets_between_cells(cfg, ask, sigma, unbiased, found):
    set_codec(cfg, sigma=sigma, unbiased=unbiased)
    assert len(ask('sigma-narrow', cfg)) == found


def test_a_coarse_map_read_without_refinement(cfg, ask):
    set_codec(cfg, heatmap_size=(32, 40), unbiased=False)
    (finding,) = ask('decoding-floor', cfg)
    assert 'a cell is 5.9 mm' in finding.message
    set_codec(cfg, unbiased=True)
    assert not ask('decoding-floor', cfg)


def test_decoding_floor_sees_a_decoder_that_does_not_fit(cfg, ask):
    cfg.model.head.decoder = dict(
        type='MegviiHeatmap',
        input_size=(128, 160),
        heatmap_size=(64, 80),
        kernel_size=11,
    )
    assert ask('decoding-floor', cfg)


def test_decoding_floor_of_udp_is_that_in_the_image(cfg, ask):
    """Of the input, its codec and its affine have different ideas."""
    udp = dict(
        type='UDPHeatmap',
        input_size=(128, 160),
        heatmap_size=(64, 80),
        sigma=1.5,
    )
    cfg.model.head.decoder = udp
    pipeline(cfg, 'train')[GENERATE].encoder = udp
    assert ask('decoding-floor', cfg), 'the affine is another one'
    for split in ('train', 'val', 'test'):
        for transform in pipeline(cfg, split):
            if transform.type == 'TopdownAffine':
                transform.use_udp = True
    assert not ask('decoding-floor', cfg)


def test_landmark_weights_that_nobody_uses(cfg, ask):
    cfg.train_dataloader.dataset.landmark_weights = dict(S=2.0, Go=2.0)
    (finding,) = ask('weights-without-effect', cfg)
    assert 'from 1 to 2' in finding.message
    generate = pipeline(cfg, 'train')[GENERATE]
    generate.use_dataset_keypoint_weights = True
    assert not ask('weights-without-effect', cfg)


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
def test_whole_model_told_by_its_address(cfg, ask, url, found):
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
