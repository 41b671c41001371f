# Copyright (c) cape_mm contributors. All rights reserved.
"""Checkpoints of plain data.

``torch.load(weights_only=True)`` reads tensors, strings, numbers, lists,
tuples and dicts, and nothing else. Whatever MMEngine puts into a checkpoint
beyond that becomes a dict that names its kind under ``'__plain__'``.
:mod:`cape_mm.engine.checkpoint_loading` reads the files.
"""

from __future__ import annotations

import ast
import os
from collections import Counter
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO, Iterator

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


@contextmanager
def whole_file(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Write a file so that its name never holds a part of it.

    A kill leaves ``<path>.tmp``, which the next try replaces.

    Args:
        path (str | Path): The file; its folder is made.

    Yields:
        BinaryIO: What is to be written to.

    Raises:
        OSError: If it cannot be written; it names the file.
    """
    path = os.fspath(path)
    temporary = f'{path}.tmp'
    try:
        os.makedirs(os.path.dirname(path) or '.', exist_ok=True)
        with open(temporary, 'wb') as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException as error:
        with suppress(OSError):
            os.remove(temporary)
        if isinstance(error.__context__, OSError):  # PyTorch hides it
            error = error.__context__
        if not getattr(error, 'strerror', None):
            raise
        raise OSError(error.errno, error.strerror, path) from None


def write_checkpoint(checkpoint: dict, path: str | os.PathLike[str]) -> None:
    """Write a checkpoint whole, or not at all; see :func:`whole_file`."""
    with whole_file(path) as file:
        torch.save(checkpoint, file)


def read_literals(text: str) -> dict[str, Any]:
    """Values of the text of ``Config.pretty_text``, which is not executed.

    Args:
        text (str): Assignments of literals, lists and dicts.

    Returns:
        dict[str, Any]: Values by name.

    Raises:
        ValueError: If the text is more than that.
    """
    settings = {}
    try:
        for node in ast.parse(text).body:
            if not isinstance(node, ast.Assign) or len(node.targets) != 1:
                raise ValueError('a statement that is no assignment')
            settings[node.targets[0].id] = _evaluate(node.value)
    except (
        *(SyntaxError, AttributeError, ValueError, TypeError),
        *(RecursionError, MemoryError),
    ) as error:
        raise ValueError(
            f'the stored config is not plain data ({error}); give the config '
            'file instead'
        ) from None
    return settings


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
