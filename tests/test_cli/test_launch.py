# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from argparse import Namespace

import pytest
import torch
from mmengine.config import Config

from cape_mm.cli.launch import (
    _check_checkpoints,
    merge_cfg_options,
    read_run_config,
)
from cape_mm.errors import UsageError


@pytest.fixture
def config():
    return Config(dict(optim_wrapper=dict(optimizer=dict(lr=1.0))))


def merge(config, **options):
    options = {name.replace('__', '.'): v for name, v in options.items()}
    merge_cfg_options(config, Namespace(cfg_options=options))


def test_an_option_with_a_typo_is_refused(config):
    with pytest.raises(UsageError, match='did you mean `optim_wrapper`'):
        merge(config, optim_wraper__optimizer__lr=2.0)


def test_new_entries_of_what_is_there_are_options(config):
    merge(config, optim_wrapper__clip_grad__max_norm=1.0)
    assert config.optim_wrapper.clip_grad.max_norm == 1.0


@pytest.mark.parametrize('name', ['randomness__seed', 'model_wrapper_cfg'])
def test_what_mmengine_reads_need_not_be_in_the_config(config, name):
    merge(config, **{name: 1})
    assert name.partition('__')[0] in config


@pytest.fixture(scope='module')
def trained():
    """Part of a config as the recipes have it."""
    head = dict(type='HeatmapHead', in_channels=8, out_channels=4)
    adam = dict(type='AdamW', lr=1.0, betas=(0.9, 0.999))
    return dict(
        model=dict(head=head),
        optim_wrapper=dict(
            type='AmpOptimWrapper', loss_scale=512.0, optimizer=adam
        ),
        train_dataloader=dict(batch_size=1),
        param_scheduler=[dict(type='CosineAnnealingLR', T_max=9)],
    )


@pytest.mark.parametrize(
    'options',
    [
        {
            'model.head.type': 'cape_mm.DropoutHeatmapHead',
            'model.head.dropout': 0.2,
        },
        {
            'optim_wrapper.optimizer.momentum': 0.9,
            'optim_wrapper.optimizer.type': 'SGD',
        },
        {'optim_wrapper.paramwise_cfg.norm_decay_mult': 0},
        {'optim_wrapper.loss_scale': 'dynamic'},
        {'train_dataloader.num_batch_per_epoch': 2},
        {'param_scheduler.0.convert_to_iter_based': True},
        {
            'model.head._delete_': True,
            'model.head.type': 'cape_mm.DropoutHeatmapHead',
        },
    ],
)
def test_what_the_changed_config_takes_is_an_option(
    options, trained, monkeypatch
):
    said = []
    monkeypatch.setattr(
        'mmengine.logging.print_log', lambda text, *_, **__: said.append(text)
    )
    merge_cfg_options(Config(trained), Namespace(cfg_options=options))
    assert not [text for text in said if 'Failed to search' in text]


@pytest.mark.parametrize(
    'option, hint',
    [
        ('optim_wrapper.optimizer.moments', '`momentum`'),
        ('optim_wrapper.optimzer.lr', '`optimizer`'),
        ('train_dataloader.batchsize', '`batch_size`'),
    ],
)
def test_a_slip_is_told_by_the_type_to_come(option, hint, trained):
    options = {'optim_wrapper.optimizer.type': 'SGD', option: 0.9}
    with pytest.raises(UsageError, match=f'did you mean {hint}'):
        merge_cfg_options(Config(trained), Namespace(cfg_options=options))


def test_a_number_is_not_replaced_by_a_word(trained):
    options = {'optim_wrapper.optimizer.lr': 'dynamic'}
    with pytest.raises(UsageError, match='give a number'):
        merge_cfg_options(Config(trained), Namespace(cfg_options=options))


@pytest.fixture
def config_file(tmp_path):
    path = tmp_path / 'config.py'
    path.write_text("max_epochs = {{'$CAPE_EPOCHS:20'}}\nmodel = dict()\n")
    return Namespace(
        config=str(path), launcher='none', work_dir=None, local_rank=0
    )


def test_a_bad_value_of_the_environment_is_named(config_file, monkeypatch):
    monkeypatch.setenv('CAPE_EPOCHS', 'many')
    with pytest.raises(UsageError, match='CAPE_EPOCHS=many'):
        read_run_config(config_file)


def test_a_bad_value_that_a_base_reads_is_named(
    config_file, monkeypatch, tmp_path
):
    child = tmp_path / 'child.py'
    child.write_text("_base_ = ['./config.py']\n")
    config_file.config = str(child)
    monkeypatch.setenv('CAPE_EPOCHS', 'many')
    with pytest.raises(UsageError, match='CAPE_EPOCHS=many'):
        read_run_config(config_file)


def test_a_faulty_config_keeps_its_traceback(config_file, monkeypatch):
    monkeypatch.delenv('CAPE_EPOCHS', raising=False)
    with open(config_file.config, 'a') as file:
        file.write('lr = undefined\n')
    with pytest.raises(NameError):
        read_run_config(config_file)


def test_each_checkpoint_is_read_once(tmp_path, monkeypatch):
    read = []
    monkeypatch.setattr(
        'cape_mm.cli.launch.load_plain_file',
        lambda path: read.append(path) or {},
    )
    teacher = dict(type='Pretrained', checkpoint='b.pth')
    model = dict(teachers=[dict(init_cfg=teacher), dict(init_cfg=teacher)])
    cfg = Config(dict(model=model, work_dir=str(tmp_path), load_from='a.pth'))
    _check_checkpoints(cfg)
    assert read == ['a.pth', 'b.pth']


@pytest.mark.parametrize('resume', [False, True])
def test_weights_that_a_checkpoint_replaces_are_not_downloaded(
    resume, tmp_path
):
    """A network would be needed for each of them."""
    start = tmp_path / 'a.pth'
    torch.save(dict(state_dict={'backbone.w': torch.ones(1)}), start)
    weights = dict(type='Pretrained', checkpoint='torchvision://resnet18')
    model = dict(
        backbone=dict(init_cfg=weights, pretrained=True),
        neck=dict(init_cfg=dict(weights)),
    )
    cfg = Config(dict(model=model, work_dir=str(tmp_path), resume=resume))
    if resume:
        (tmp_path / 'last_checkpoint').write_text(str(start))
    else:
        cfg.load_from = str(start)
    _check_checkpoints(cfg)
    assert cfg.model.backbone == dict(init_cfg=None, pretrained=False)
    assert cfg.model.neck.init_cfg == weights
