# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from pathlib import Path

import pytest
from mmengine.config import Config

from cape_mm.apis.checkpoint_config import config_from_text, find_test_dataset

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
RUNNABLE = sorted(
    path for path in CONFIGS.glob('*/*.py') if '_base_' not in path.parts
)
PIPELINE = (
    "test_dataloader = dict(dataset=dict(pipeline=[dict(type='LoadImage')]))"
)


def _without_loading(value):
    """Settings without what is in the checkpoint anyway."""
    if isinstance(value, (list, tuple)):
        return type(value)(map(_without_loading, value))
    if not isinstance(value, dict):
        return value
    left_out = ('init_cfg', 'checkpoint', 'pretrained')
    return {
        key: _without_loading(item)
        for key, item in value.items()
        if key not in left_out
    }


@pytest.mark.parametrize('path', RUNNABLE, ids=lambda path: path.stem)
def test_every_config_survives_the_checkpoint(path):
    cfg = Config.fromfile(str(path))
    read = config_from_text(cfg.pretty_text).to_dict()
    cfg = _without_loading(cfg.to_dict())
    assert read['model'] == cfg['model']
    for mode in ('val', 'test'):
        key = f'{mode}_dataloader'
        found, expected = read.get(key) or {}, cfg.get(key) or {}
        assert found.get('dataset') == expected.get('dataset')
    kept = {'codec', 'default_scope', 'input_size', 'num_keypoints'}
    assert all(read.get(key) == cfg.get(key) for key in kept)
    assert not {'default_hooks', 'load_from', 'custom_imports'} & {*read}


@pytest.mark.parametrize(
    'line',
    [
        "import os\nos.system('true')",
        "model = __import__('os').system('true')",
        "model = dict(type=eval('1'))",
        'model = dict([1])',
        'model = [x for x in (1, 2)]',
        'model.type = 3',
        'model = (',
    ],
)
def test_text_that_would_run_is_refused(line):
    with pytest.raises(ValueError, match='not plain data'):
        config_from_text(f'{PIPELINE}\n{line}')


@pytest.mark.parametrize(
    'name', ['os.system', 'mmengine.load', 'torch.nn.Linear', 'mmpose.apis.x']
)
@pytest.mark.parametrize('place', ['model', 'pipeline'])
def test_type_outside_the_registries_is_refused(name, place):
    part = f'dict(neck=[dict(type={name!r})])'
    text = f'{PIPELINE}\nmodel = {part}'
    if place == 'pipeline':
        text = f'test_dataloader = dict(dataset=dict(pipeline=[{part}]))'
    with pytest.raises(ValueError, match='not registered'):
        config_from_text(text)


def test_pipeline_is_found_in_wrapped_data():
    cfg = Config(
        dict(
            test_dataloader=None,
            val_dataloader=dict(dataset=dict(dataset=dict(pipeline=[1]))),
        )
    )
    assert find_test_dataset(cfg)['pipeline'] == [1]
    with pytest.raises(ValueError, match='no pipeline'):
        find_test_dataset(Config())


def test_labels_of_earlier_cape_models_are_in_the_present_frame():
    text = """
model = dict(type='cape_mm.CapeEstimator')
encoder = dict(type='RegressionLabel', input_size=(64, 64))
test_dataloader = dict(dataset=dict(pipeline=[
    dict(type='LoadImage'),
    dict(type='GenerateTarget',
         encoder=dict(type='RegressionLabel', input_size=(64, 64)))]))
"""
    pipeline = find_test_dataset(config_from_text(text))['pipeline']
    assert pipeline[1]['encoder']['type'] == 'cape_mm.NormalizedLabel'
    other = config_from_text(
        text.replace('cape_mm.CapeEstimator', 'mmpose.TopdownPoseEstimator')
    )
    assert find_test_dataset(other)['pipeline'][1]['encoder']['type'] == (
        'RegressionLabel'
    )
