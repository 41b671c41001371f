# Copyright (c) cape_mm contributors. All rights reserved.
"""The config that MMEngine stores in a checkpoint, read without running it."""

from __future__ import annotations

import ast
from importlib import import_module
from typing import Any, Iterator

from mmengine.config import Config
from mmengine.registry import MODELS, TASK_UTILS, TRANSFORMS, Registry
from mmpose.registry import KEYPOINT_CODECS

# Importing the registries of others would run code that a file names.
_SCOPES = ('cape_mm', 'mmdet', 'mmengine', 'mmpose')


def config_from_text(text: str) -> Config:
    """Config of the text of ``Config.pretty_text``, read as data.

    ``Config.fromstring`` executes its text, and a ``type`` with dots may name
    any function that is installed. A checkpoint from elsewhere must do
    neither: only literals, lists and dicts are read, and every type with a
    scope has to be registered.
    """
    settings = {}
    try:
        for node in ast.parse(text).body:
            if not isinstance(node, ast.Assign) or len(node.targets) != 1:
                raise ValueError('a statement that is no assignment')
            settings[node.targets[0].id] = _evaluate(node.value)
    except (SyntaxError, AttributeError, ValueError) as error:
        raise ValueError(
            f'the stored config is not plain data ({error}); give the config '
            'file instead'
        ) from None
    if settings.get('model', {}).get('type') == 'cape_mm.CapeEstimator':
        settings = _in_present_frame(settings)
    cfg = Config(settings)
    for name in _types(
        [cfg.to_dict().get('model'), find_test_dataset(cfg)['pipeline']]
    ):
        _check_registered(name)
    return cfg


def _in_present_frame(value: Any) -> Any:
    """Settings with the present frame of labels, instead of pixels / W."""
    if isinstance(value, (list, tuple)):
        return type(value)(map(_in_present_frame, value))
    if not isinstance(value, dict):
        return value
    value = {key: _in_present_frame(item) for key, item in value.items()}
    if value.get('type') == 'RegressionLabel':
        value['type'] = 'cape_mm.NormalizedLabel'
    return value


def nested_datasets(cfg: Config, *modes: str) -> Iterator[dict]:
    """Datasets of dataloaders, each before the one that it wraps."""
    for mode in modes:
        dataset = (cfg.get(f'{mode}_dataloader') or {}).get('dataset')
        while dataset:
            yield dataset
            dataset = dataset.get('dataset')


def find_test_dataset(cfg: Config) -> dict:
    """Dataset of the test or validation with the pipeline for images.

    That of the training would alter images at random.
    """
    for dataset in nested_datasets(cfg, 'test', 'val'):
        if dataset.get('pipeline'):
            return dataset
    raise ValueError(
        'the config has no pipeline in test_dataloader.dataset; it says how '
        'images are prepared'
    )


def _evaluate(node: ast.AST) -> Any:
    """Evaluate literals, ``dict(key=value)`` and ``dict({...})``."""
    if isinstance(node, ast.Call):
        if getattr(node.func, 'id', None) != 'dict' or any(
            not isinstance(arg, ast.Dict) for arg in node.args
        ):
            raise ValueError(f'a call in line {node.lineno}')
        parts = [_evaluate(arg) for arg in node.args]
        parts += [{item.arg: _evaluate(item.value)} for item in node.keywords]
        return {key: value for part in parts for key, value in part.items()}
    if isinstance(node, ast.Dict):
        keys = [ast.literal_eval(key) for key in node.keys]
        return dict(zip(keys, map(_evaluate, node.values)))
    if isinstance(node, (ast.List, ast.Tuple)):
        kind = list if isinstance(node, ast.List) else tuple
        return kind(_evaluate(item) for item in node.elts)
    return ast.literal_eval(node)


def _types(value: Any) -> Iterator[str]:
    """All ``type`` strings in nested settings."""
    if isinstance(value, dict):
        if isinstance(value.get('type'), str):
            yield value['type']
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        for item in value:
            yield from _types(item)


def _check_registered(name: str) -> None:
    """Refuse names that MMEngine would import from outside the registries."""
    if '.' not in name:
        return
    scope, _, entry = name.partition('.')
    if scope in _SCOPES and any(
        _has_entry(root, scope, entry)
        for root in (MODELS, TASK_UTILS, TRANSFORMS, KEYPOINT_CODECS)
    ):
        return
    raise ValueError(
        f'the stored config names the type {name!r}, which is not registered '
        f'in any of {", ".join(_SCOPES)}; give the config file instead'
    )


def _has_entry(root: Registry, scope: str, entry: str) -> bool:
    import_module(f'{scope}.registry')
    for node in (root, *root.children.values()):
        if node.scope == scope:
            node.import_from_location()
            if entry in node.module_dict:
                return True
    return False
