# Copyright (c) cape_mm contributors. All rights reserved.
"""The config that MMEngine stores in a checkpoint, read without running it."""

from __future__ import annotations

import re
from functools import lru_cache
from importlib import import_module
from typing import Any, Iterable, Iterator

from mmengine.config import Config
from mmengine.registry import (
    DATASETS,
    MODELS,
    TASK_UTILS,
    TRANSFORMS,
    Registry,
)
from mmpose.registry import KEYPOINT_CODECS

from cape_mm.engine.checkpoints import read_literals

#: Types beside our own that a stored config may name: what our recipes use.
#: Being registered is not enough, since constructors may load files.
ALLOWED_TYPES = frozenset(
    f'{scope}.{name}'
    for scope, names in {
        'mmdet': 'ChannelMapper FocalLoss FocalLossCost',
        'mmengine': 'BN Conv Conv2d GELU GN LN ReLU SiLU SyncBN bilinear '
        'deconv nearest',
        'mmpose': 'AdaptiveWingLoss FPN FeatureMapProcessor GenerateTarget '
        'GetBBoxCenterScale HRNet HeatmapHead KeypointMSELoss LoadImage '
        'MSRAHeatmap PackPoseInputs PoseDataPreprocessor RandomBBoxTransform '
        'RandomFlip RegressionLabel ResNet SwinTransformer TopdownAffine '
        'TopdownPoseEstimator UDPHeatmap',
    }.items()
    for name in names.split()
)
_ROOTS = (MODELS, TASK_UTILS, TRANSFORMS, KEYPOINT_CODECS, DATASETS)
# Importing the registries of others would run code that a file names.
_SCOPES = ('cape_mm', 'mmdet', 'mmengine', 'mmpose')
# What these would load is in the checkpoint, or reaches for a foreign storage.
_REMOVED = {
    *('init_cfg', 'checkpoint', 'pretrained'),
    *('backend_args', 'file_client_args'),
}
_LOADING_KEY = re.compile(
    r'_cfg$|(^|_)(ckpt|checkpoint|pretrained|path|file|url|dir)s?(_|$)'
)
_LOADING_VALUE = re.compile(r'[/\\]|\.(py|pth?|pkl|json|ya?ml|safetensors)$')
# a table of numbers, read by NumPy without pickles
_DATA_FILES = {'text_table': '.npz'}
_LOADERS = ('test_dataloader', 'val_dataloader')


def config_from_text(text: str, allowed_types: Iterable[str] = ()) -> Config:
    """Config of the text of ``Config.pretty_text``, read as data.

    ``Config.fromstring`` executes its text, and a ``type`` may name any
    function that is installed, or a class whose constructor loads a file. A
    checkpoint from elsewhere must do none of that: only literals, lists and
    dicts are read, and every type is on a list. Keys that name weights to
    begin with are removed, since the checkpoint has all weights. Of the rest
    of the config, sections that name other types are left out.

    Args:
        text (str): Text.
        allowed_types (Iterable[str]): Types beside :data:`ALLOWED_TYPES` and
            our own, with their scopes. Defaults to none.

    Returns:
        Config: What building the model and preparing images needs.

    Raises:
        ValueError: If the text is more than data, names another type or scope,
            or something to load.
    """
    settings = read_literals(text)
    model = settings.get('model')
    if (
        isinstance(model, dict)
        and model.get('type') == 'cape_mm.CapeEstimator'
    ):
        settings = _in_present_frame(settings)
    allowed = ALLOWED_TYPES | _own_types() | frozenset(allowed_types)
    scope = settings.get('default_scope') or 'mmpose'
    _check_scope(scope)
    kept = {}
    for key, value in settings.items():
        if key in _LOADERS and isinstance(value, dict):
            value = {'dataset': value.get('dataset')}
        if key in ('model', *_LOADERS):
            value = _checked(value, key, scope, allowed)
        elif key in ('load_from', 'resume', 'custom_imports'):
            continue
        else:
            try:
                value = _checked(value, key, scope, allowed)
            except ValueError:
                continue  # such as hooks, which are not built from here
        kept[key] = value
    try:
        cfg = Config(kept)
        find_test_dataset(cfg)
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f'the stored config is broken ({error})') from None
    return cfg


def _checked(value: Any, place: str, scope: str, allowed: frozenset) -> Any:
    """Settings without keys that load something, all types checked."""
    if isinstance(value, (list, tuple)):
        return type(value)(
            _checked(item, f'{place}[{i}]', scope, allowed)
            for i, item in enumerate(value)
        )
    if not isinstance(value, dict):
        if isinstance(value, str):
            _check_text(value, place)
        return value
    if '_scope_' in value:
        scope = value['_scope_']
        _check_scope(scope)
    if 'type' in value:
        _check_type(value['type'], place, scope, allowed)
    return {
        key: _checked(item, f'{place}.{key}', scope, allowed)
        for key, item in value.items()
        if key not in _REMOVED
    }


def _check_text(value: str, place: str) -> None:
    """Refuse the name of something to load."""
    key = place.rpartition('.')[2].partition('[')[0]
    is_data = place.startswith(_LOADERS) and '.pipeline' not in place
    is_data |= key in _DATA_FILES and value.endswith(_DATA_FILES[key])
    names_file = _LOADING_KEY.search(key) or _LOADING_VALUE.search(value)
    if '://' in value or key == 'from_file' or (names_file and not is_data):
        raise ValueError(
            f'the stored config has {place} = {value!r}, which names '
            'something to load; give the config file instead'
        )


def _check_scope(scope: Any) -> None:
    """Refuse a scope that MMEngine would import."""
    if scope not in _SCOPES:
        raise ValueError(
            f'the stored config has the scope {scope!r}, which is none of '
            f'{", ".join(_SCOPES)}; give the config file instead'
        )


def _check_type(name: Any, place: str, scope: str, allowed: frozenset) -> None:
    """Refuse a type that is not on the list."""
    if isinstance(name, str):
        head, dot, entry = name.partition('.')
        if dot:
            fitting = {name} if name in allowed else set()
        else:
            # MMEngine searches the scope, then its root.
            fitting = {f'{one}.{name}' for one in (scope, 'mmengine')}
            fitting = {full for full in fitting if _is_registered(full)}
        registered = all(map(_is_registered, fitting & allowed))
        if fitting and fitting <= allowed and registered:
            return
    raise ValueError(
        f'the stored config names the type {name!r} in {place}, which is not '
        f'registered in any of {", ".join(_SCOPES)} or not among those that a '
        'checkpoint may name; give the config file instead, or allow the type '
        'by allowed_types'
    )


@lru_cache(None)
def _own_types() -> frozenset[str]:
    """Everything that this package registers for models and data."""
    return frozenset(
        f'cape_mm.{name}'
        for root in _ROOTS
        for node in _nodes(root, 'cape_mm')
        for name in node.module_dict
    )


@lru_cache(None)
def _is_registered(name: str) -> bool:
    """Whether ``scope.Name`` is registered for models or data."""
    scope, _, entry = name.partition('.')
    return any(
        entry in node.module_dict
        for root in _ROOTS
        for node in _nodes(root, scope)
    )


def _nodes(root: Registry, scope: str) -> Iterator[Registry]:
    """Registries of a scope with all their entries."""
    import_module(f'{scope}.registry')
    for node in (root, *root.children.values()):
        if node.scope == scope:
            node.import_from_location()
            yield node


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
