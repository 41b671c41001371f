# Copyright (c) cape_mm contributors. All rights reserved.
"""Checkpoints of plain data.

``torch.load(weights_only=True)`` reads tensors, strings, numbers, lists,
tuples and dicts, and nothing else. Whatever MMEngine puts into a checkpoint
beyond that becomes a dict that names its kind under ``'__plain__'``.
:mod:`cape_mm.engine.checkpoint_loading` reads the files.
"""

from __future__ import annotations

import os
from collections import Counter
from typing import Any

import numpy as np
import torch
from mmengine.logging import HistoryBuffer
from torch import nn

from cape_mm.errors import UnsuitableCheckpointError

KIND = '__plain__'

# dtypes that every supported PyTorch can hold and store
_TENSOR_DTYPES = (
    *('bool', 'uint8', 'int8', 'int16', 'int32', 'int64'),
    *('float16', 'float32', 'float64'),
)


class NotPlainError(TypeError):
    """A value has no plain form."""


def to_plain(
    value: Any, dropped: list[str] | None = None, where: str = ''
) -> Any:
    """Plain form of a value, which :func:`from_plain` turns back.

    ``dropped`` receives the place, from ``where`` on, and the type of every
    dict entry that has none and is left out; if it is None, that raises.
    """
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, torch.Tensor):
        return value.detach()
    if isinstance(value, HistoryBuffer):
        log, count = map(torch.tensor, value.data)
        plain = dict(log=log, count=count, max_length=value.max_length)
        return {KIND: 'history_buffer', **plain}
    if isinstance(value, np.ndarray):
        if value.dtype.name in _TENSOR_DTYPES:
            return {KIND: 'ndarray', 'data': torch.tensor(value)}
        plain = dict(dtype=value.dtype.str, shape=list(value.shape))
        return {KIND: 'ndarray', 'data': to_plain(value.tolist()), **plain}
    if isinstance(value, Counter):
        items = [list(item) for item in value.items()]
        return {KIND: 'counter', 'items': to_plain(items)}
    if isinstance(value, dict):
        return _dict_to_plain(value, dropped, where)
    if isinstance(value, (list, tuple)):
        kind = list if isinstance(value, list) else tuple
        return kind(
            to_plain(item, dropped, f'{where}[{i}]')
            for i, item in enumerate(value)
        )
    if isinstance(value, (set, frozenset)):
        return {KIND: 'set', 'items': [to_plain(item) for item in value]}
    return _scalar_to_plain(value, where)


def _dict_to_plain(
    mapping: dict, dropped: list[str] | None, where: str
) -> dict:
    plain = {}
    for key, value in mapping.items():
        place = f'{where}.{key}' if where else str(key)
        try:
            plain[to_plain(key)] = to_plain(value, dropped, place)
        except NotPlainError as error:
            if dropped is None:
                raise
            dropped.append(str(error))
    return plain


def _scalar_to_plain(value: Any, where: str) -> Any:
    """Subclasses of the plain types, NumPy scalars, bytes and paths."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bytes):
        return {KIND: 'bytes', 'data': torch.tensor(list(value)).byte()}
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    for kind in (bool, int, float, str):
        if isinstance(value, kind):
            return kind(value)
    raise NotPlainError(f'{where or "value"} ({type(value).__name__})')


def from_plain(value: Any) -> Any:
    """Turn the result of :func:`to_plain` back, all dicts as ``dict``.

    Tensors that stood for NumPy data are brought to the CPU.
    """
    if isinstance(value, dict):
        if KIND in value:
            return _BUILDERS[value[KIND]](value)
        return {from_plain(k): from_plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(from_plain(item) for item in value)
    return value


def _build_array(plain: dict) -> np.ndarray:
    data = plain['data']
    if isinstance(data, torch.Tensor):
        return data.cpu().numpy()
    return np.array(data, plain['dtype']).reshape(plain['shape'])


_BUILDERS = {
    'ndarray': _build_array,
    'history_buffer': lambda plain: HistoryBuffer(
        *(plain[key].cpu().numpy() for key in ('log', 'count')),
        plain['max_length'],
    ),
    'bytes': lambda plain: bytes(plain['data'].tolist()),
    'set': lambda plain: set(plain['items']),
    'counter': lambda plain: Counter(dict(plain['items'])),
}


def refuse_trained_parameters(model: nn.Module, config: str) -> None:
    """Refuse a model that is nothing without a checkpoint."""
    trained = [
        name for name, one in model.named_parameters() if one.requires_grad
    ]
    if trained:
        raise UnsuitableCheckpointError(
            f'{config} has {len(trained)} trained parameters ({trained[0]}, '
            '...): give a checkpoint with their values'
        )
