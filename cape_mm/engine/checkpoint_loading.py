# Copyright (c) cape_mm contributors. All rights reserved.
"""Reading of checkpoint files and URLs that runs no code from them.

Importing this module makes MMEngine's ``CheckpointLoader`` read files and
downloads in the same way, whoever calls it: ``load_from``, ``--resume``,
``init_cfg=dict(type='Pretrained')`` and models that load a teacher.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import re
import tarfile
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Iterator
from urllib.parse import urlsplit

import numpy as np
import torch
from mmengine.dist import get_dist_info
from mmengine.logging import HistoryBuffer
from mmengine.runner import CheckpointLoader
from mmengine.runner.checkpoint import (
    get_deprecated_model_names,
    get_external_models,
    get_mmcls_models,
    get_torchvision_models,
)
from torch import Tensor

from cape_mm.environment import env
from cape_mm.errors import UnsafeCheckpointError, UnsuitableCheckpointError

OPT_IN = 'TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD'
ALLOW_HTTP = 'CAPE_MM_ALLOW_HTTP'
_CATALOGUES = {
    'torchvision': get_torchvision_models,
    'modelzoo': get_torchvision_models,
    'open-mmlab': get_external_models,
    'openmmlab': get_external_models,
    'mmcls': get_mmcls_models,
}
# names of files of which PyTorch's releases promise the hash
_HASHED = re.compile(r'-([a-f0-9]{8,})\.')
_METHODS = ('min', 'max', 'current', 'mean')


def check_checkpoint_is_safe(path: str) -> None:
    """Make sure that loading a checkpoint runs no code from the file.

    The file is read with PyTorch's restricted loader, whatever the version
    of PyTorch does by default. That of a URL is downloaded to the cache first.
    Names such as ``torchvision://resnet50`` are checked when they are loaded.
    With the environment variable ``TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD=1`` the
    user trusts the file and nothing is checked.

    Args:
        path (str): File or URL.

    Raises:
        FileNotFoundError: If there is no such file.
        UnsafeCheckpointError: If it is damaged, can only be read by running
            code from it, comes over a connection without encryption or from a
            storage that is not known.
        UnsuitableCheckpointError: If a URL cannot be downloaded.
    """
    if path.startswith(('http://', 'https://')):
        path = _download(path)
    elif '://' in path:
        if path.partition('://')[0] not in _CATALOGUES:
            raise UnsafeCheckpointError(
                f"'{path}' cannot be checked before it is loaded: download it "
                'and give the file'
            )
        return
    load_plain_file(path)


def load_plain_file(
    path: str, map_location: str | torch.device | None = 'cpu'
) -> Any:
    """Content of a checkpoint file of plain data.

    Beside tensors and plain values, what MMEngine stores is accepted:
    ``HistoryBuffer``, NumPy arrays and scalars.

    Args:
        path (str): File.
        map_location (str | torch.device, optional): As of ``torch.load``.
            Defaults to the CPU.

    Returns:
        Any: Content.

    Raises:
        FileNotFoundError: If there is no such file.
        UnsafeCheckpointError: If it is damaged or can only be read by running
            code from it.
        UnsuitableCheckpointError: If it is not a dict.
    """
    path = os.path.expanduser(path)
    if not os.path.isfile(path):
        raise FileNotFoundError(f"there is no checkpoint '{path}'")
    if env(OPT_IN, False):
        warnings.warn(
            f"{OPT_IN} is set: '{path}' may run code while it is loaded",
            stacklevel=2,
        )
        content = torch.load(path, map_location, weights_only=False)
    else:
        try:
            # PyTorch < 2.6 unpickles tar archives even with `weights_only`
            if tarfile.is_tarfile(path):
                raise pickle.UnpicklingError('a tar archive')
            with _mmengine_globals():
                content = torch.load(path, map_location, weights_only=True)
        except torch.cuda.OutOfMemoryError:  # the file is sound
            raise
        except (
            *(pickle.UnpicklingError, RuntimeError, EOFError, ValueError),
            *(TypeError, AttributeError, LookupError),
        ) as error:
            text = str(error).strip()
            reason = text.splitlines()[0] if text else type(error).__name__
            raise UnsafeCheckpointError(
                f"'{path}' is damaged or can only be read by running code "
                f'from the file, so it was not loaded; set {OPT_IN}=1 if you '
                f'trust where it comes from (PyTorch says: {reason})'
            ) from None
    if not isinstance(content, dict):
        raise UnsuitableCheckpointError(
            f"'{path}' holds a {type(content).__name__}, not a dict with the "
            'weights of a model: give another checkpoint'
        )
    return content


def refuse_nonfinite_weights(weights: dict, checkpoint: object) -> None:
    """Refuse weights that are NaN or infinite, of a run that diverged.

    Args:
        weights (dict): Tensors by name; masks in buffers may be infinite.
        checkpoint (object): File, for the message.

    Raises:
        UnsuitableCheckpointError: If a value is not finite.
    """
    bad = [
        name
        for name, value in weights.items()
        if isinstance(value, Tensor)
        and value.is_floating_point()
        and not torch.isfinite(value).all()
    ]
    if bad:
        raise UnsuitableCheckpointError(
            f"{len(bad)} of {len(weights)} weights in '{checkpoint}' hold "
            f'values that are NaN or infinite, e.g. {", ".join(bad[:3])}: '
            'the training diverged; use an earlier checkpoint'
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


def _encode_latin(text: str, encoding: str) -> bytes:
    """How Python 2 pickles hold bytes; no other encoding is accepted."""
    if encoding not in ('latin1', 'latin-1'):
        raise ValueError(f'bytes in the encoding {encoding!r}')
    return text.encode('latin1')


def _history_method(owner: type, name: str) -> Any:
    """Statistic of ``HistoryBuffer``, which early MMEngine stores by name."""
    if owner is not HistoryBuffer or name not in _METHODS:
        raise ValueError(f'the attribute {name!r}')
    return getattr(HistoryBuffer, name)


@contextmanager
def _mmengine_globals() -> Iterator[None]:
    """Let the restricted loader build what MMEngine puts into checkpoints."""
    if not hasattr(torch.serialization, 'safe_globals'):
        yield  # PyTorch < 2.5
        return
    # a scalar and an array say how NumPy itself rebuilds them
    scalar = np.float64(0).__reduce__()[0]
    rebuild = np.zeros(0).__reduce__()[0]
    dtypes = getattr(np, 'dtypes', None)
    allowed = [HistoryBuffer, np.ndarray, np.dtype]
    allowed += [
        getattr(dtypes, name)
        for name in getattr(dtypes, '__all__', ())
        if name.endswith('DType') and name not in ('ObjectDType',)
    ]
    allowed += [
        (function, f'{package}.multiarray.{name}')
        for package in ('numpy.core', 'numpy._core')
        for function, name in ((scalar, 'scalar'), (rebuild, '_reconstruct'))
    ]
    allowed += [
        (_encode_latin, '_codecs.encode'),
        (_history_method, 'builtins.getattr'),
        (_history_method, '__builtin__.getattr'),
    ]
    with torch.serialization.safe_globals(allowed):
        yield


def _download(url: str, progress: bool = True) -> str:
    """File of the cache that holds what a URL gives."""
    if url.startswith('http://') and not env(ALLOW_HTTP, False):
        raise UnsafeCheckpointError(
            f"'{url}' would come over an unencrypted connection: "
            f'use https, or set {ALLOW_HTTP}=1'
        )
    folder = Path(torch.hub.get_dir()) / 'checkpoints'
    name = os.path.basename(urlsplit(url).path) or 'checkpoint'
    hashed = _HASHED.search(name)
    if not hashed:  # many servers have an `epoch_10.pth`
        folder /= hashlib.sha256(url.encode()).hexdigest()[:12]
    path = folder / name
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        try:
            # under a temporary name until it is complete
            torch.hub.download_url_to_file(
                url, str(path), hashed and hashed.group(1), progress
            )
        except (OSError, RuntimeError, ValueError) as error:
            raise UnsuitableCheckpointError(
                f"'{url}' cannot be downloaded ({error}): connect to the "
                'network, or give a file'
            ) from None
    return str(path)


# MMEngine names a loader's backend by what follows the first ten characters.
@CheckpointLoader.register_scheme(prefixes='', force=True)
def load_from_local(filename: str, map_location: Any) -> Any:
    """Load a file for MMEngine."""
    return load_plain_file(filename, map_location)


@CheckpointLoader.register_scheme(prefixes=('http://', 'https://'), force=True)
def load_from_url(filename: str, map_location: Any = None) -> Any:
    """Download a file for MMEngine, at rank 0 only, and load it."""
    rank, world_size = get_dist_info()
    if rank == 0:
        _download(filename)
    if world_size > 1:
        torch.distributed.barrier()
    return load_plain_file(_download(filename), map_location)


@CheckpointLoader.register_scheme(
    prefixes=tuple(f'{name}://' for name in _CATALOGUES), force=True
)
def load_by_name(filename: str, map_location: Any = None) -> Any:
    """Load one of the models that OpenMMLab and torchvision name."""
    catalogue, _, name = filename.partition('://')
    if catalogue in ('open-mmlab', 'openmmlab'):
        name = get_deprecated_model_names().get(name, name)
    urls = _CATALOGUES[catalogue]()
    if name not in urls:
        raise UnsuitableCheckpointError(
            f"'{filename}': {catalogue} has no model of this name"
        )
    url = urls[name]
    if '://' not in url:  # a file in MMEngine's home
        cache = os.environ.get('XDG_CACHE_HOME', '~/.cache')
        home = os.environ.get('MMENGINE_HOME', os.path.join(cache, 'mmengine'))
        return load_plain_file(os.path.join(home, url), map_location)
    content = load_from_url(url, map_location)
    if catalogue != 'mmcls':
        return content
    # of a classifier, what lies in its backbone
    weights = content.get('state_dict', content)
    prefix = 'backbone.'
    return dict(
        state_dict={
            key[len(prefix) :]: value
            for key, value in weights.items()
            if key.startswith(prefix)
        }
    )
