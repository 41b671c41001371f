# Copyright (c) cape_mm contributors. All rights reserved.
"""What the doctor says to the configs that we ship."""

from __future__ import annotations

from pathlib import Path

import pytest
from mmengine.config import Config

from cape_mm.checks import WARNING, examine_config
from cape_mm.datasets.synthetic import write_cephalograms, write_creatures

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
pytestmark = pytest.mark.slow


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    """Small images, but as many as the configs are made for."""
    root = tmp_path_factory.mktemp('data')
    write_cephalograms(
        root / 'cephalograms', train=400, val=60, test=100, image_height=64
    )
    write_creatures(
        root / 'creatures',
        train=(4, 8),
        val=(3, 8),
        test=(2, 8),
        image_size=64,
    )
    return root


@pytest.fixture
def say(data, monkeypatch):
    """Examine a config; returns the names of rules with their severity."""
    monkeypatch.setenv('CEPH_DATA_ROOT', str(data / 'cephalograms'))
    monkeypatch.setenv('CAPE_DATA_ROOT', str(data / 'creatures'))

    def call(name):
        findings = examine_config(Config.fromfile(str(CONFIGS / f'{name}.py')))
        assert not any('be checked' in f.message for f in findings)
        return {finding.rule: finding.severity for finding in findings}

    return call


@pytest.mark.parametrize(
    'name',
    [
        'cephalometric/hrnetv2_w18_cephalometric_512x640',
        'cephalometric/hrnetv2_w18_small_synthetic-cephalograms',
        'cape/autoregressive_r18_creatures-128x128',
        'cape/single_category',
        'cape/single_image',
    ],
)
def test_it_is_silent_on_what_we_recommend(say, name):
    assert say(name) == {}


COARSE = {
    *('padding-whole-cephalogram', 'input-aspect', 'decoding-floor'),
    *('sigma-overlap', 'blind-monitor'),
}


@pytest.mark.parametrize(
    'column, weak',
    [('original', 'warmup-length'), ('stable', 'sigma-spread')],
)
def test_it_names_what_is_weak_in_the_document(say, column, weak):
    found = say(f'cephalometric/hrnetv2_w18_cephalometric_{column}')
    assert found == dict.fromkeys({*COARSE, weak}, WARNING)


def test_missing_data_are_an_error_and_no_crash(monkeypatch):
    monkeypatch.setenv('MP100_ROOT', '/no/such/folder')
    name = 'autoregressive_r50_8xb16-200e_mp100-split1-256x256.py'
    findings = examine_config(Config.fromfile(str(CONFIGS / 'cape' / name)))
    assert {finding.rule for finding in findings} == {'dataset-builds'}
