# Copyright (c) cape_mm contributors. All rights reserved.
"""A stored config cannot name a type, scope or file beyond the list."""

from __future__ import annotations

from contextlib import contextmanager, suppress

import mmdet.registry
import mmpose.registry
import pytest
import torch
from mmengine import registry
from mmengine.config import Config
from mmengine.registry import DefaultScope, Registry

from cape_mm.apis import load_config, load_estimator
from cape_mm.apis.checkpoint_config import (
    ALLOWED_TYPES,
    _is_registered,
    config_from_text,
    find_test_dataset,
)
from cape_mm.datasets.pipeline import build_transforms
from cape_mm.errors import UnsuitableCheckpointError

PIPELINE = (
    "test_dataloader = dict(dataset=dict(pipeline=[dict(type='LoadImage')]))\n"
)
MODEL = """
default_scope = 'mmpose'
model = dict(
    type='TopdownPoseEstimator',
    backbone=dict(type='ResNet', depth=18, EXTRA),
    neck=dict(type='FPN', in_channels=[8], out_channels=8, num_outs=1),
)
"""


def _text(extra='deep=True', more=''):
    return PIPELINE + MODEL.replace('EXTRA', extra) + more


def _everything_registered(module):
    """Names in all registries of a package, without and with its scope."""
    for node in vars(module).values():
        if isinstance(node, Registry):
            node.import_from_location()
            for name in node.module_dict:
                yield name
                yield f'{node.scope}.{name}'


@contextmanager
def _constructed(monkeypatch):
    """Names of everything that any registry gives out."""
    names, get = set(), Registry.get

    def recorded(self, key):
        found = get(self, key)
        if found is not None:
            names.add(key)
        return found

    with monkeypatch.context() as patch:
        patch.setattr(Registry, 'get', recorded)
        yield names


@pytest.mark.parametrize('package', [mmpose.registry, mmdet.registry])
def test_no_registered_type_outside_the_list_is_constructed(
    package, monkeypatch
):
    allowed = {name.partition('.')[2] for name in ALLOWED_TYPES}
    names = sorted(set(_everything_registered(package)))
    assert len(names) > 500
    texts = {
        'model': 'model = dict(type={0!r})',
        'scoped': "model = dict(type={0!r}, _scope_='mmdet')",
        'deep': "model = dict(type='TopdownPoseEstimator', backbone=dict("
        "type='ResNet', depth=18, plugins=[dict(cfg=dict(type={0!r}))]))",
        'pipeline': "model = dict(type='ResNet', depth=18)\n"
        'test_dataloader = dict(dataset=dict(pipeline=[dict(type={0!r})]))',
    }
    tried = 0
    with _constructed(monkeypatch) as given:
        for text in texts.values():
            for name in names:
                tried += 1
                try:
                    cfg = config_from_text(PIPELINE + text.format(name))
                except ValueError as error:
                    assert name in str(error)
                    continue
                assert name.rpartition('.')[2] in allowed
                with DefaultScope.overwrite_default_scope('mmpose'):
                    with suppress(Exception):  # arguments are missing
                        registry.MODELS.build(cfg.model)
                    with suppress(Exception):
                        build_transforms(find_test_dataset(cfg)['pipeline'])
    assert tried == 4 * len(names)
    outside = {name.rpartition('.')[2] for name in given} - allowed
    # what the constructors of allowed types build of their own accord
    assert outside <= {'BaseDataPreprocessor', 'DropPath'}


@pytest.mark.parametrize(
    'model',
    [
        "dict(type='mmdet.LAD', teacher_ckpt='http://127.0.0.1/evil.pth')",
        "dict(type='LAD', _scope_='mmdet', teacher_ckpt='evil.pth')",
        "dict(type='DWPoseDistiller', teacher_cfg='evil.py')",
        "dict(type='mmdet.KnowledgeDistillationSingleStageDetector')",
        "dict(type=['mmdet', 'LAD'])",
        'dict(type=None)',
        "dict(type='cape_mm.MP100Dataset.x')",
        "dict(type='cape_mm.apis.finetuning.FineTuner')",
        "dict(type='cape_mm.EpisodeDebugHook')",
    ],
)
def test_type_that_may_load_something_is_refused(model):
    with pytest.raises(ValueError, match='names the type|not plain data'):
        config_from_text(f'{PIPELINE}\nmodel = {model}')


@pytest.mark.parametrize(
    'text',
    [
        "default_scope = 'evil_scope'",
        'default_scope = 3',
        "model = dict(type='ResNet', _scope_='evil_scope')",
        "model = dict(type='ResNet', x=[dict(_scope_='mmpretrain')])",
    ],
)
def test_scope_that_would_be_imported_is_refused(text):
    with pytest.raises(ValueError, match='has the scope'):
        config_from_text(f'{PIPELINE}\n{text}')


@pytest.mark.parametrize(
    'extra',
    [
        "teacher_ckpt='weights'",
        "teacher_ckpt=['weights.pth']",
        "teacher_cfg='teacher'",
        "checkpoint_path='weights'",
        "any_word='https://example.org/a'",
        "any_word=[dict(x='file://a')]",
        "name='../../evil'",
        "name='evil.py'",
        "name='C:\\\\evil'",
        "metainfo=dict(from_file='meta')",
        "text_table='evil.pkl'",
        "text_table='https://x/a.npz'",
    ],
)
def test_something_to_load_is_refused_anywhere_in_the_model(extra):
    with pytest.raises(ValueError, match='names something to load'):
        config_from_text(_text(extra))


@pytest.mark.parametrize(
    'extra',
    [
        "init_cfg=dict(type='Pretrained', checkpoint='http://x/y.pth')",
        "checkpoint='package://evil'",
        'pretrained=True',
        "pretrained='torchvision://resnet50'",
    ],
)
def test_weights_to_begin_with_are_removed(extra):
    backbone = config_from_text(_text(extra)).model.backbone.to_dict()
    assert backbone == dict(type='ResNet', depth=18)


def test_foreign_storage_is_removed_from_the_pipeline():
    text = MODEL.replace('EXTRA', '') + (
        "test_dataloader = dict(dataset=dict(pipeline=[dict(type='LoadImage',"
        "backend_args=dict(backend='memcached', sys_path='evil'))]))"
    )
    pipeline = find_test_dataset(config_from_text(text))['pipeline']
    assert pipeline == [dict(type='LoadImage')]


def test_caller_may_allow_a_type():
    text = _text(more="\nmodel = dict(type='mmpose.ViPNAS_ResNet', depth=50)")
    with pytest.raises(ValueError, match='ViPNAS_ResNet.*allowed_types'):
        config_from_text(text)
    cfg = config_from_text(text, ['mmpose.ViPNAS_ResNet'])
    assert cfg.model.type == 'mmpose.ViPNAS_ResNet'


def test_every_allowed_type_is_registered():
    assert [name for name in ALLOWED_TYPES if not _is_registered(name)] == []


def test_inferencer_refuses_the_checkpoint_by_name(tmp_path):
    path = tmp_path / 'evil.pth'
    text = _text(more="\nmodel = dict(type='mmdet.LAD')")
    torch.save(dict(state_dict={}, meta=dict(cfg=text)), path)
    with pytest.raises(UnsuitableCheckpointError, match='evil.pth.*mmdet.LAD'):
        load_config(None, path)


def test_weights_that_are_not_finite_are_refused(tmp_path):
    path = tmp_path / 'diverged.pth'
    cfg = Config(dict(model=dict(type='torch.nn.Linear')))
    cfg.model.update(in_features=1, out_features=1)
    weights = dict(weight=torch.tensor([[float('nan')]]), bias=torch.ones(1))
    torch.save(dict(state_dict=weights), path)
    with pytest.raises(UnsuitableCheckpointError, match='diverged.pth.*NaN'):
        load_estimator(cfg, path, 'cpu')
