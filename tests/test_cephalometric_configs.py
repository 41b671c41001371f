# Copyright (c) cape_mm contributors. All rights reserved.
"""What the cephalometric configs promise beyond being buildable."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest
from mmengine.config import Config, DictAction
from mmengine.registry import MODELS, DefaultScope, init_default_scope

from cape_mm.models.heads import DropoutHeatmapHead
from cape_mm.structures import available_schemas, get_schema

FOLDER = Path(__file__).resolve().parents[1] / 'configs' / 'cephalometric'
ORIGINAL = 'hrnetv2_w18_cephalometric_original.py'
STABLE = 'hrnetv2_w18_cephalometric_stable.py'
RECOMMENDED = 'hrnetv2_w18_cephalometric_512x640.py'
SYNTHETIC = 'hrnetv2_w18_small_synthetic-cephalograms.py'
REAL = 'unet_lite0_small_isbi2015-256x320.py'
REAL_LARGE = 'unet_lite0_isbi2015-512x640.py'
ALL = [ORIGINAL, STABLE, RECOMMENDED, SYNTHETIC, REAL, REAL_LARGE]
STAGES = ('stage1', 'stage2', 'stage3', 'stage4')


@pytest.fixture
def load():
    def load(name):
        config = Config.fromfile(FOLDER / name)
        init_default_scope(config.default_scope)
        return config

    yield load
    DefaultScope._instance_dict.clear()


def hooks_of(config):
    return {hook.type: hook for hook in config.custom_hooks}


def encoder_of(config):
    steps = config.train_dataloader.dataset.pipeline
    return next(s for s in steps if s.type == 'GenerateTarget').encoder


# learning rate, batch, sigma, epochs, weight decay, epochs per validation
@pytest.mark.parametrize(
    'name, column',
    [
        (ORIGINAL, (1e-4, 32, 2.0, 60, 1e-4, 5)),
        (STABLE, (2e-5, 8, 3.0, 30, 1e-2, 2)),
    ],
)
def test_columns_of_the_document(load, name, column):
    config = load(name)
    optimizer = config.optim_wrapper.optimizer
    encoder = encoder_of(config)
    assert optimizer.type == 'AdamW' and encoder.type == 'MSRAHeatmap'
    assert column == (
        optimizer.lr,
        config.train_dataloader.batch_size,
        encoder.sigma,
        config.train_cfg.max_epochs,
        optimizer.weight_decay,
        config.train_cfg.val_interval,
    )


def test_stable_column_stops_early_on_pck_and_keeps_the_best(load):
    config = load(STABLE)
    hook = hooks_of(config)['cape_mm.ResumableEarlyStoppingHook']
    assert (hook.monitor, hook.rule, hook.patience) == ('PCK', 'greater', 5)
    assert hook.min_delta == 0.001 and hook.strict
    assert config.default_hooks.checkpoint.save_best == 'PCK'
    assert config.work_dir == 'work_dirs/hrnetv2_w18_cephalometric_STABLE'
    assert 'EarlyStopping' not in ' '.join(hooks_of(load(ORIGINAL)))


@pytest.mark.parametrize('name', ALL)
def test_targets_are_read_as_they_are_made(load, name):
    config = load(name)
    assert encoder_of(config) == config.model.head.decoder


@pytest.mark.parametrize('name', ALL)
def test_nothing_is_mirrored_and_nothing_downloaded(load, name):
    config = load(name)
    steps = config.train_dataloader.dataset.pipeline
    assert 'RandomFlip' not in [step.type for step in steps]
    assert not config.model.test_cfg.flip_test
    assert 'init_cfg' not in config.model.backbone
    assert config.load_from is None


@pytest.mark.parametrize('schema', available_schemas())
@pytest.mark.parametrize('name', ALL)
def test_other_data_are_chosen_by_the_environment(
    load, name, schema, monkeypatch
):
    monkeypatch.setenv('CEPH_DATA_ROOT', '/cephalograms')
    monkeypatch.setenv('CEPH_TRAIN_FILE', 'a.json')
    monkeypatch.setenv('CEPH_VAL_FILE', 'b.json')
    monkeypatch.setenv('CEPH_TEST_FILE', 'c.json')
    monkeypatch.setenv('CEPH_SCHEMA', schema)
    config = load(name)
    for split, file in (('train', 'a'), ('val', 'b'), ('test', 'c')):
        dataset = config[f'{split}_dataloader'].dataset
        assert dataset.data_root == '/cephalograms'
        assert dataset.ann_file == f'{file}.json'
        assert dataset.schema == schema
    metric = next(
        entry
        for entry in config.val_evaluator
        if entry.type == 'cape_mm.CephalometricMetric'
    )
    assert metric.train_ann_file == '/cephalograms/a.json'
    assert config.model.head.out_channels == len(get_schema(schema))


@pytest.mark.parametrize('name', ALL)
def test_fewer_epochs_shorten_the_schedules(load, name, monkeypatch):
    monkeypatch.setenv('CEPH_EPOCHS', '20')
    config = load(name)
    assert config.train_cfg.max_epochs == 20
    cosine = config.param_scheduler[1]
    assert cosine.T_max == cosine.end == 20
    warmup = config.param_scheduler[0]
    if warmup.get('convert_to_iter_based'):
        assert warmup.end == 1, 'a twentieth'


@pytest.mark.parametrize('name', [RECOMMENDED, SYNTHETIC])
def test_short_trials_have_a_warmup_of_an_epoch(load, name, monkeypatch):
    # of a twentieth, nothing would be left with few cephalograms: an error
    monkeypatch.setenv('CEPH_EPOCHS', '1')
    assert load(name).param_scheduler[0].end == 1
    monkeypatch.setenv('CEPH_EPOCHS', '60')
    assert load(name).param_scheduler[0].end == 3


@pytest.mark.parametrize('name', [REAL, REAL_LARGE])
def test_the_real_cephalograms_are_the_default_of_their_recipes(load, name):
    config = load(name)
    assert config.model.head.out_channels == 19
    for split, file in (('train', 'train'), ('val', 'val'), ('test', 'test1')):
        dataset = config[f'{split}_dataloader'].dataset
        assert dataset.data_root == 'data/isbi2015'
        assert dataset.ann_file == f'annotations/isbi2015_{file}.json'
        assert dataset.schema == 'isbi2015'


def test_the_large_recipe_differs_by_its_maps_and_its_length(load):
    small, large = load(REAL), load(REAL_LARGE)
    assert tuple(large.codec.heatmap_size) == (256, 320)
    assert tuple(small.codec.heatmap_size) == (128, 160)
    for config in (small, large):
        assert tuple(config.codec.input_size) == (512, 640)
    steps, others = (
        [
            step
            for step in config.train_dataloader.dataset.pipeline
            if step.type != 'GenerateTarget'
        ]
        for config in (small, large)
    )
    assert steps == others
    assert small.model.backbone == large.model.backbone
    assert large.train_cfg.max_epochs > small.train_cfg.max_epochs


@pytest.mark.parametrize('lr', ['1e-5', '5e-6'])
def test_emergency_learning_rates(load, lr):
    config = load(STABLE)
    merge(config, f'optim_wrapper.optimizer.lr={lr}')
    assert config.optim_wrapper.optimizer.lr == float(lr)


def test_emergency_dropout(load):
    config = load(STABLE)
    merge(
        config,
        'model.head.type=cape_mm.DropoutHeatmapHead',
        'model.head.dropout=0.2',
    )
    head = MODELS.build(config.model).head
    assert isinstance(head, DropoutHeatmapHead)
    assert head.dropout.p == 0.2


def test_pretrained_weights_are_an_option(load):
    config = load(RECOMMENDED)
    merge(
        config,
        'model.backbone.init_cfg.type=Pretrained',
        'model.backbone.init_cfg.checkpoint=open-mmlab://msra/hrnetv2_w18',
    )
    assert MODELS.build(config.model).backbone.init_cfg.checkpoint


def test_pixels_can_be_watched_instead_of_millimetres(load):
    config = load(RECOMMENDED)
    merge(
        config,
        'default_hooks.checkpoint.save_best=MRE',
        *(f'custom_hooks.{index}.monitor=MRE' for index in (0, 3, 4)),
    )
    watched = [h.monitor for h in config.custom_hooks if 'monitor' in h]
    assert watched == ['MRE'] * 3
    assert config.default_hooks.checkpoint.save_best == 'MRE'


def test_size_of_the_models(load):
    """The full model as in the literature, the small one for CPUs."""
    millions = {}
    for name in (RECOMMENDED, SYNTHETIC):
        model = MODELS.build(load(name).model)
        total = sum(p.numel() for p in model.parameters())
        millions[name] = round(total / 1e6, 1)
        widths = [
            model.backbone.extra[stage]['num_channels'] for stage in STAGES
        ]
        assert [tuple(width) for width in widths] == [
            (64,),
            (18, 36),
            (18, 36, 72),
            (18, 36, 72, 144),
        ]
    assert millions[RECOMMENDED] == 9.6
    assert 2.0 <= millions[SYNTHETIC] <= 2.3


def merge(config, *options):
    """What ``--cfg-options`` does."""
    parser = argparse.ArgumentParser()
    parser.add_argument('--cfg-options', nargs='+', action=DictAction)
    args = parser.parse_args(['--cfg-options', *options])
    config.merge_from_dict(args.cfg_options)
