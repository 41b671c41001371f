# Copyright (c) cape_mm contributors. All rights reserved.
"""Rules about metrics."""

from __future__ import annotations

import pytest
from support.config_edits import pipeline

STOP = 'default_hooks.early_stopping.'
COSINE = 1


def test_metric_that_fails(cfg, ask):
    cfg.val_evaluator = [dict(type='PCKAccuracy', norm_item='head')]
    (finding,) = ask('metric-works', cfg)
    assert 'head_size' in finding.message


@pytest.mark.parametrize('split', ['val', 'test'])
def test_torso_of_another_schema(cfg, ask, split):
    cfg[f'{split}_evaluator'] = [
        dict(type='PCKAccuracy', norm_item=['bbox', 'torso'])
    ]
    (finding,) = ask('torso-of-another-schema', cfg)
    assert f'PCKAccuracy of {split}' in finding.message
    assert 'Ar and ANS' in finding.message


@pytest.mark.parametrize('is_first_unknown', [False, True])
def test_spacing_that_does_not_reach_the_metric(
    cfg, ask, edit, is_first_unknown
):
    def forget(content):
        content['images'][0].update(spacing=None, spacing_source='unknown')

    if is_first_unknown:
        edit('val', forget)
    assert not ask('spacing-not-packed', cfg)
    pipeline(cfg, 'val')[3] = dict(type='PackPoseInputs')
    (finding,) = ask('spacing-not-packed', cfg)
    assert 'samples of val' in finding.message
