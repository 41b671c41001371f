# Copyright (c) cape_mm contributors. All rights reserved.
"""Folders that are written completely or not at all, and only once."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any, Callable

import numpy as np

_ADVICE = (
    'Move or delete that folder to have it written anew, or name another '
    'folder (data_root in the config, e.g. by the environment variable that '
    'the config reads).'
)


def write_dataset_once(
    root: str | Path,
    write: Callable[[Path], None],
    name: str,
    version: int,
    seed: int,
    sizes: dict[str, Any],
    minimum: int,
    **image_size: int,
) -> bool:
    """Write a dataset, and its parameters as ``<name>.json``, unless there."""
    ((key, pixels),) = image_size.items()
    least = min(np.min(size) for size in sizes.values())
    if seed < 0 or least < 1 or pixels < minimum:
        raise ValueError(
            f'seed must be >= 0, all sizes >= 1, {key} >= {minimum}; got seed '
            f'{seed}, {sizes}, {key} {pixels}'
        )
    stamp = dict(data=name, version=version, seed=int(seed))
    stamp[key] = int(pixels)
    stamp.update((split, np.array(n).tolist()) for split, n in sizes.items())
    return write_folder_once(Path(root), f'{name}.json', stamp, write)


def write_folder_once(
    root: Path, stamp_name: str, stamp: dict, write: Callable[[Path], None]
) -> bool:
    """Write a folder completely or not at all, with a JSON stamp, once."""
    # The content is written to a folder beside the target, which then gets the
    # target's name. So a folder with that name is always complete; if several
    # processes write at once, the first one wins and the others take its
    # result; what a killed process leaves behind is a hidden folder, which may
    # be deleted.
    root = Path(os.path.realpath(root))
    if _is_there(root, stamp_name, stamp):
        return False
    root.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp('.part', f'.{root.name}.', str(root.parent)))
    try:
        write(part)
        (part / stamp_name).write_text(json.dumps(stamp, indent=2) + '\n')
        # mkdtemp makes it private.
        umask = os.umask(0)
        os.umask(umask)
        part.chmod(0o777 & ~umask)
        try:
            # Fails if another process has been faster.
            part.rename(root)
        except OSError:
            if not _is_there(root, stamp_name, stamp):
                raise
            return False
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return True


def _is_there(root: Path, stamp_name: str, stamp: dict) -> bool:
    """Whether the target is complete; FileExistsError if it is another."""
    if not root.exists() or (root.is_dir() and not any(root.iterdir())):
        return False
    try:
        found = json.loads((root / stamp_name).read_text())
    except (OSError, ValueError):
        raise FileExistsError(
            f'{root} exists, but has no readable {stamp_name}: it is not the '
            f'synthetic dataset, and nothing was changed in it. {_ADVICE}'
        ) from None
    if found != stamp:
        differences = ', '.join(
            f'{key}: {found.get(key)} instead of {stamp.get(key)}'
            for key in {**stamp, **found}
            if found.get(key) != stamp.get(key)
        )
        raise FileExistsError(
            f'{root} holds the synthetic dataset in another version or size '
            f'({differences}). {_ADVICE}'
        )
    return True
