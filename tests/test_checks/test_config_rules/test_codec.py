# Copyright (c) cape_mm contributors. All rights reserved.
"""Rules about targets and their codec."""

from __future__ import annotations

import pytest
from support.config_edits import AFFINE, GENERATE, pipeline, set_codec

from cape_mm.checks import WARNING


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


def test_decoding_floor_of_a_decoder_that_does_not_fit(cfg, ask):
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


def test_landmark_weights_without_use(cfg, ask):
    cfg.train_dataloader.dataset.landmark_weights = dict(S=2.0, Go=2.0)
    (finding,) = ask('weights-without-effect', cfg)
    assert 'from 1 to 2' in finding.message
    generate = pipeline(cfg, 'train')[GENERATE]
    generate.use_dataset_keypoint_weights = True
    assert not ask('weights-without-effect', cfg)
