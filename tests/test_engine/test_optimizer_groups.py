# Copyright (c) cape_mm contributors. All rights reserved.
"""The learning rate of the backbone is a multiple of the others'."""

from __future__ import annotations

from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import MODELS, init_default_scope

from cape_mm.engine.hooks import EpochSeedHook  # noqa: F401 (registers)

CONFIGS = Path(__file__).resolve().parents[2] / 'configs' / 'cape'
MP100 = 'autoregressive_r50_8xb16-200e_mp100-split1-256x256.py'
KEY = 'optim_wrapper.paramwise_cfg.custom_keys.backbone.lr_mult'


def _rates(wrapper, model, name='lr'):
    """Learning rate by name of the parameter."""
    names = {id(param): key for key, param in model.named_parameters()}
    return {
        names[id(param)]: group[name]
        for group in wrapper.param_groups
        for param in group['params']
        if id(param) in names
    }


def test_backbone_gets_its_share_and_the_rest_the_whole(
    tiny_cape_runner, tmp_path
):
    runner = tiny_cape_runner(tmp_path, **{KEY: 0.1})
    wrapper = runner.build_optim_wrapper(runner.optim_wrapper)
    rates = _rates(wrapper, runner.model)
    assert rates.keys() == dict(runner.model.named_parameters()).keys()
    for name, rate in rates.items():
        share = 0.1 if name.startswith('backbone.') else 1
        assert rate == pytest.approx(1e-3 * share), name


def test_schedule_keeps_the_ratio(tiny_cape_runner, tmp_path):
    runner = tiny_cape_runner(
        tmp_path,
        **{
            KEY: 0.1,
            'train_cfg.max_epochs': 1,
            'train_dataloader.dataset.num_episodes': 4,
            'val_cfg': None,
            'val_dataloader': None,
            'val_evaluator': None,
        },
    )
    runner.train()
    rates = _rates(runner.optim_wrapper, runner.model)
    head = rates['head.decoder.stop']
    assert 0 < head < 1e-3
    assert rates['backbone.conv1.weight'] == pytest.approx(0.1 * head)


def test_mp100_config_trains_the_backbone_with_a_tenth():
    config = Config.fromfile(CONFIGS / MP100)
    init_default_scope(config.default_scope)
    config.model.backbone.init_cfg = None
    model = MODELS.build(config.model)
    wrapper = build_optim_wrapper(model, config.optim_wrapper)
    rates = _rates(wrapper, model)
    whole = config.optim_wrapper.optimizer.lr
    for name, rate in rates.items():
        share = 0.1 if name.startswith('backbone.') else 1
        assert rate == pytest.approx(whole * share), name
