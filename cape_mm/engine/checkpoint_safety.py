# Copyright (c) cape_mm contributors. All rights reserved.
"""Refuse checkpoint files that would run code when they are loaded."""

from __future__ import annotations

import os
import pickle
import tarfile
import warnings
from typing import Any, Iterator

import torch

OPT_IN = 'TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD'


class UnsafeCheckpointError(RuntimeError):
    """A checkpoint cannot be loaded without running code from the file."""


class UnsuitableCheckpointError(ValueError):
    """A checkpoint does not hold what is to be done with it."""


def check_checkpoint_is_safe(path: str) -> None:
    """Make sure that loading a checkpoint runs no code from the file.

    The file is read with PyTorch's restricted loader, whatever the version
    of PyTorch does by default. URLs are left to MMEngine. With the environment
    variable ``TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD=1`` the user trusts the file
    and nothing is checked.

    Args:
        path (str): Checkpoint file or URL.

    Raises:
        FileNotFoundError: If there is no such file.
        UnsafeCheckpointError: If the file needs unpickling or is damaged.
    """
    if '://' in path:
        return
    path = os.path.expanduser(path)
    if not os.path.isfile(path):
        raise FileNotFoundError(f"there is no checkpoint '{path}'")
    if _user_trusts_files():
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


def local_checkpoints(cfg: Any) -> Iterator[str]:
    """Yield the checkpoints that a config loads, except for URLs.

    These are ``load_from`` and the ``checkpoint`` of every
    ``init_cfg=dict(type='Pretrained', ...)``.

    Args:
        cfg (Config | dict | list): A config or a part of it.
    """
    if isinstance(cfg, (list, tuple)):
        values = cfg
    elif hasattr(cfg, 'items'):
        values = [value for _, value in cfg.items()]
        found = [cfg.get('load_from')]
        if cfg.get('type') == 'Pretrained':
            found.append(cfg.get('checkpoint'))
        for path in found:
            if isinstance(path, str) and '://' not in path:
                yield path
    else:
        return
    for value in values:
        yield from local_checkpoints(value)


def _user_trusts_files() -> bool:
    return os.environ.get(OPT_IN, '0').lower() in ('1', 'y', 'yes', 'true')
