# Copyright (c) cape_mm contributors. All rights reserved.
"""Rules about the model and its head."""

from __future__ import annotations

import pytest
from support.config_edits import pipeline

from cape_mm.checks import ERROR


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
