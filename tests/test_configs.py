# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.registry import (
    DATA_SAMPLERS,
    DATASETS,
    HOOKS,
    METRICS,
    MODELS,
    PARAM_SCHEDULERS,
    TRANSFORMS,
    VISUALIZERS,
    DefaultScope,
    init_default_scope,
)

from cape_mm.engine.checkpoints import refuse_trained_parameters

CONFIG_ROOT = Path(__file__).resolve().parents[1] / 'configs'
ALL = sorted(CONFIG_ROOT.rglob('*.py'))
RUNNABLE = [path for path in ALL if '_base_' not in path.parts]


def name_of(path: Path) -> str:
    return str(path.relative_to(CONFIG_ROOT))


@pytest.fixture(params=RUNNABLE, ids=name_of)
def config(request) -> Config:
    config = Config.fromfile(request.param)
    init_default_scope(config.default_scope)
    yield config
    DefaultScope._instance_dict.clear()


def test_there_are_configs():
    assert 'cape/single_image.py' in map(name_of, RUNNABLE)


def test_model_is_built(config):
    config.model.backbone.init_cfg = None
    model = MODELS.build(config.model)
    assert sum(parameter.numel() for parameter in model.parameters()) > 1e6


def test_a_config_without_training_needs_no_checkpoint(config):
    # tools/finetune.py trains models with an aligned head
    if config.train_dataloader is None and 'aligned_head' not in config.model:
        model = MODELS.build(config.model)
        refuse_trained_parameters(model, 'config')
        assert config.test_dataloader and config.test_evaluator


def find(config, *keys):
    part = config
    for key in keys:
        # models of which nothing is trained are tested alone
        if config.train_dataloader is None and part.get(key) is None:
            return []
        part = part[key]
    return part if isinstance(part, list) else [part]


@pytest.mark.parametrize(
    'keys, registry',
    [
        (('train_dataloader', 'sampler'), DATA_SAMPLERS),
        (('val_dataloader', 'sampler'), DATA_SAMPLERS),
        (('test_dataloader', 'sampler'), DATA_SAMPLERS),
        (('train_dataloader', 'dataset'), DATASETS),
        (('val_dataloader', 'dataset'), DATASETS),
        (('test_dataloader', 'dataset'), DATASETS),
        (('train_dataloader', 'dataset', 'pipeline'), TRANSFORMS),
        (('val_dataloader', 'dataset', 'pipeline'), TRANSFORMS),
        (('val_evaluator',), METRICS),
        (('test_evaluator',), METRICS),
        (('custom_hooks',), HOOKS),
        (('param_scheduler',), PARAM_SCHEDULERS),
        (('visualizer',), VISUALIZERS),
    ],
    ids=lambda value: '.'.join(value) if isinstance(value, tuple) else None,
)
def test_every_name_is_known(config, keys, registry):
    with registry.switch_scope_and_registry(None) as scoped:
        for part in find(config, *keys):
            assert scoped.get(part['type']) is not None, part['type']


def test_wrapped_datasets_are_known(config):
    (dataset,) = find(config, 'train_dataloader', 'dataset') or find(
        config, 'test_dataloader', 'dataset'
    )
    with DATASETS.switch_scope_and_registry(None) as scoped:
        while 'dataset' in dataset:
            dataset = dataset.dataset
            assert scoped.get(dataset.type) is not None, dataset.type


def test_hooks_and_metrics_are_built(config):
    VISUALIZERS.build(config.visualizer)  # hooks ask for the current one
    for hook in [*config.default_hooks.values(), *config.custom_hooks]:
        HOOKS.build(hook)
    for metric in config.val_evaluator or config.test_evaluator:
        METRICS.build(metric)


def test_best_checkpoint_has_a_name_and_a_rule_for_each_score(config):
    """MMEngine can infer the rule of none of these scores."""
    checkpoint = config.default_hooks.checkpoint
    scores, rules = checkpoint.save_best, checkpoint.rule
    if isinstance(scores, str):
        scores, rules = [scores], [rules]
    assert scores and len(scores) == len(rules)
    for score, rule in zip(scores, rules):
        assert rule == dict(PCK='greater', MRE_mm='less', AP='greater')[score]


def test_a_killed_training_loses_no_validation(config):
    hooks = [*config.default_hooks.values(), *config.custom_hooks]
    types = [hook.type for hook in hooks]
    assert types.count('cape_mm.LatestBestCheckpointHook') == 1
    assert 'EarlyStoppingHook' not in types  # it forgets its patience


@pytest.mark.parametrize('path', ALL, ids=name_of)
def test_configs_import_nothing(path):
    """MMEngine mistakes a config with imports for a lazy one."""
    tree = ast.parse(path.read_text())
    nodes = ast.walk(tree)
    assert not any(
        isinstance(node, (ast.Import, ast.ImportFrom)) for node in nodes
    )
    names = [
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    ]
    assert '_base_' not in names[1:], '_base_ comes first'


@pytest.mark.parametrize('path', ALL, ids=name_of)
def test_configs_decide_and_compute_nothing(path):
    nodes = ast.walk(ast.parse(path.read_text()))
    kinds = (ast.If, ast.IfExp, ast.For, ast.comprehension)
    assert not any(isinstance(node, kinds) for node in nodes)


@pytest.mark.parametrize('path', RUNNABLE, ids=name_of)
def test_advised_options_are_spelled_out_for_each_loader(path):
    """A shell expands {train,val,test} twice: to the files of each loader."""
    text = path.read_text()
    assert '{train,val,test}' not in text
    options = re.findall(r'^# (\w+)_dataloader\.(\S+)=(\S+)$', text, re.M)
    config = Config.fromfile(path) if options else None
    for mode, key, value in options:
        assert find(config, f'{mode}_dataloader', *key.split('.'))
        if key.endswith('ann_file'):
            assert value.endswith(f'_{mode}.json')
    assert len({mode for mode, _, _ in options}) in (0, 3)


def test_base_names_are_unique():
    """Tools find a config by its base name over the whole package."""
    counts = Counter(path.name for path in ALL)
    assert max(counts.values()) == 1, counts.most_common(1)
