# Copyright (c) cape_mm contributors. All rights reserved.
"""What the configs for MP-100 promise beyond being buildable."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import (
    DATASETS,
    HOOKS,
    MODELS,
    DefaultScope,
    init_default_scope,
)
from torch import nn

ROOT = Path(__file__).resolve().parents[1]
STEM = 'autoregressive_r50_8xb16-200e_mp100-split{}{}-256x256.py'


@pytest.fixture
def load():
    def load(split=1, shots=1):
        suffix = '' if shots == 1 else f'-{shots}shot'
        path = ROOT / 'configs' / 'cape' / STEM.format(split, suffix)
        config = Config.fromfile(path)
        init_default_scope(config.default_scope)
        return config

    yield load
    DefaultScope._instance_dict.clear()


@pytest.mark.parametrize('shots', [1, 5])
@pytest.mark.parametrize('split', [1, 2, 3, 4, 5])
def test_split_and_shots_are_those_of_the_file_name(load, split, shots):
    config = load(split, shots)
    for part in ('train', 'val', 'test'):
        dataset = config[f'{part}_dataloader'].dataset
        ann_file = f'annotations/mp100_split{split}_{part}.json'
        assert dataset.dataset.ann_file == ann_file
        assert dataset.num_shots == shots


def test_protocol_of_the_literature(load):
    config = load()
    sizes = dict(val=100, test=200)
    for part, episodes in sizes.items():
        dataset = config[f'{part}_dataloader'].dataset
        assert dataset.type == 'cape_mm.PairListEpisodeDataset'
        assert dataset.episodes_per_category == episodes
        assert dataset.num_queries == 15
        assert dataset.incomplete == 'error'
        assert 'seed' not in dataset
        assert not any('Random' in step.type for step in dataset.pipeline)
    assert config.train_dataloader.dataset.num_queries == 1


def test_folder_comes_from_the_environment(load, monkeypatch):
    monkeypatch.setenv('MP100_ROOT', '/somewhere/else')
    config = load(3)
    for part in ('train', 'val', 'test'):
        dataset = config[f'{part}_dataloader'].dataset.dataset
        assert dataset.data_root == '/somewhere/else'


EARLY_STOPPING = 'cape_mm.ResumableEarlyStoppingHook'


def hooks_of(config):
    hooks = [*config.default_hooks.values(), *config.custom_hooks]
    return {hook.type: hook for hook in hooks}


def test_options_are_off_by_default_and_on_by_the_command_line(load):
    hooks = hooks_of(load())
    assert 'EMAHook' not in hooks and EARLY_STOPPING not in hooks
    config = load(2)
    config.merge_from_dict(
        {
            'default_hooks.ema.type': 'EMAHook',
            'default_hooks.ema.momentum': 0.0005,
            'default_hooks.early_stopping.type': EARLY_STOPPING,
            'default_hooks.early_stopping.monitor': 'PCK',
            'default_hooks.early_stopping.rule': 'greater',
            'default_hooks.early_stopping.patience': 6,
        }
    )
    hooks = hooks_of(config)
    assert HOOKS.build(hooks['EMAHook']).ema_cfg['momentum'] == 0.0005
    stopping = HOOKS.build(hooks[EARLY_STOPPING])
    assert (stopping.rule, stopping.monitor) == ('greater', 'PCK')
    assert stopping.patience == 6


def test_backbone_learns_slowly_and_norms_and_biases_do_not_decay(load):
    config = load()
    config.model.backbone.init_cfg = None
    model = MODELS.build(config.model)
    wrapper = build_optim_wrapper(model, config.optim_wrapper)
    settings = {
        id(parameter): (group['lr'], group['weight_decay'])
        for group in wrapper.optimizer.param_groups
        for parameter in group['params']
    }
    norms = (nn.modules.batchnorm._BatchNorm, nn.GroupNorm, nn.LayerNorm)
    for module_name, module in model.named_modules():
        for name, parameter in module.named_parameters(recurse=False):
            lr, decay = settings[id(parameter)]
            in_backbone = module_name.startswith('backbone')
            assert lr == pytest.approx(5e-5 if in_backbone else 5e-4)
            if isinstance(module, norms) or name == 'bias':
                assert decay == 0, f'{module_name}.{name}'
            else:
                assert decay == 1e-4, f'{module_name}.{name}'


def mini(dataset, root, **changes):
    dataset.dataset.data_root = str(root)
    dataset.update(changes)
    return DATASETS.build(dataset)


def test_real_images_go_through_every_part(load, mp100_mini):
    config = load()
    small = dict(num_queries=1, episodes_per_category=2)
    shapes = dict(support=(1, 3, 256, 256), query=(1, 3, 256, 256))
    for part in ('train', 'val', 'test'):
        dataset = mini(
            config[f'{part}_dataloader'].dataset,
            mp100_mini,
            **({} if part == 'train' else small),
        )
        item = dataset[0]
        found = {key: tuple(t.shape) for key, t in item['inputs'].items()}
        assert found == shapes


def test_too_small_data_are_refused_by_the_test(load, mp100_mini):
    config = load()
    with pytest.raises(ValueError, match='fewer than 16 instances'):
        mini(config.test_dataloader.dataset, mp100_mini)


def test_single_category_is_chosen_from_outside(monkeypatch, mp100_mini):
    monkeypatch.setenv('CAPE_DATA_ROOT', str(mp100_mini))
    monkeypatch.setenv('CAPE_CATEGORY', '3')
    monkeypatch.setenv('CAPE_SHOTS', '2')
    path = ROOT / 'configs' / 'cape' / 'single_category.py'
    config = Config.fromfile(path)
    content = json.loads(Path(mp100_mini, config.ann_file).read_text('utf-8'))
    expected = {
        ann['id'] for ann in content['annotations'] if ann['category_id'] == 3
    }
    for part in ('train', 'val'):
        dataset = DATASETS.build(config[f'{part}_dataloader'].dataset)
        seen = set()
        for number in range(len(dataset)):
            sample = dataset[number]['data_samples']
            assert len(sample.supports) == 2
            seen |= {m.id for m in sample.supports + sample.queries}
        assert seen == expected
