# Copyright (c) cape_mm contributors. All rights reserved.
"""Checkpoints of plain data, and safe loading of those of others.

``torch.load(weights_only=True)`` reads tensors, strings, numbers, lists,
tuples and dicts, and nothing else. Whatever MMEngine puts into a checkpoint
beyond that becomes a dict that names its kind under ``'__plain__'``. A file
that can only be read by running code from it is refused.
"""

from __future__ import annotations

import os
import pickle
import tarfile
import warnings
from collections import Counter
from typing import Any, Iterator

import numpy as np
import torch
from mmengine.logging import HistoryBuffer
from torch import nn

from cape_mm.errors import UnsafeCheckpointError, UnsuitableCheckpointError

OPT_IN = 'TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD'
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


def check_checkpoint_is_safe(path: str) -> None:
    """Make sure that loading a checkpoint runs no code from the file.

    The file is read with PyTorch's restricted loader, whatever the version
    of PyTorch does by default. URLs are left to MMEngine. With the environment
    variable ``TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD=1`` the user trusts the file
    and nothing is checked.
    """
    if '://' in path:
        return
    path = os.path.expanduser(path)
    if not os.path.isfile(path):
        raise FileNotFoundError(f"there is no checkpoint '{path}'")
    if os.environ.get(OPT_IN, '0').lower() in ('1', 'y', 'yes', 'true'):
        warnings.warn(
            f"{OPT_IN} is set: '{path}' may run code while it is loaded",
            stacklevel=2,
        )
        return
    try:
        # PyTorch < 2.6 unpickles tar archives even with `weights_only`
        if tarfile.is_tarfile(path):
            raise pickle.UnpicklingError('a tar archive')
        torch.load(path, map_location='cpu', weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError) as e:
        reason = str(e).strip().splitlines()[0] if str(e) else type(e).__name__
        raise UnsafeCheckpointError(
            f"'{path}' is damaged or can only be read by running code from "
            f'the file, so it was not loaded; set {OPT_IN}=1 if you trust '
            f'where it comes from (PyTorch says: {reason})'
        ) from None


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


def local_checkpoints(cfg: Any) -> Iterator[str]:
    """Yield the files that a config, or a part of it, loads; no URLs.

    These are ``load_from`` and the ``checkpoint`` of every
    ``init_cfg=dict(type='Pretrained', ...)``.
    """
    values = cfg if isinstance(cfg, (list, tuple)) else []
    if hasattr(cfg, 'items'):
        values = [value for _, value in cfg.items()]
        found = [cfg.get('load_from')]
        if cfg.get('type') == 'Pretrained':
            found.append(cfg.get('checkpoint'))
        for path in found:
            if isinstance(path, str) and '://' not in path:
                yield path
    for value in values:
        yield from local_checkpoints(value)
