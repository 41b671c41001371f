# Copyright (c) cape_mm contributors. All rights reserved.
"""Rules about what is cut out of an image."""

from __future__ import annotations

from support.config_edits import pipeline, set_input


def test_other_padding_in_validation(cfg, ask):
    del pipeline(cfg, 'val')[1]['padding']  # the default is 1.25
    (finding,) = ask('padding-differs', cfg)
    assert 'train 1, val 1.25' in finding.message


def test_padding_around_the_whole_cephalogram(cfg, ask):
    for split in ('train', 'val', 'test'):
        pipeline(cfg, split)[1].padding = 1.25
    (finding,) = ask('padding-whole-cephalogram', cfg)
    assert '36% of the input empty' in finding.message


def test_square_input(cfg, ask):
    set_input(cfg, (160, 160))
    (finding,) = ask('input-aspect', cfg)
    assert '160 x 160' in finding.message and '21%' in finding.message


def test_squeezing_transform(cfg, ask):
    resize = dict(type='Resize', scale=(64, 64))
    pipeline(cfg, 'train').insert(1, resize)
    assert len(ask('aspect-distorted', cfg)) == 1
    resize['keep_ratio'] = True
    pipeline(cfg, 'train')[1] = resize
    assert not ask('aspect-distorted', cfg)


def test_random_validation(cfg, ask):
    pipeline(cfg, 'test').insert(2, dict(type='RandomFlip'))
    findings = ask('random-validation', cfg)
    assert [f.message for f in findings] == [
        'the pipeline of test has RandomFlip'
    ]


def test_flip_test_without_flips_in_training(cfg, ask):
    cfg.model.test_cfg.flip_test = True
    assert len(ask('flip-test-untrained', cfg)) == 1
    pipeline(cfg, 'train').insert(2, dict(type='RandomFlip'))
    assert not ask('flip-test-untrained', cfg)
