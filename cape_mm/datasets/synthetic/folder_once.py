# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Callable

_ADVICE = (
    'Move or delete that folder to have it written anew, or name another '
    'folder (data_root in the config, e.g. by the environment variable that '
    'the config reads).'
)


def write_folder_once(
    root: Path, stamp_name: str, stamp: dict, write: Callable[[Path], None]
) -> bool:
    """Write a folder completely or not at all, unless it is there already.

    The content is written to a folder beside the target, which then gets the
    target's name. So a folder with that name is always complete; if several
    processes write at once, the first one wins and the others take its
    result; what a killed process leaves behind is a hidden folder
    ``.<name>.<random>.part``, which may be deleted.

    Args:
        root (Path): The target.
        stamp_name (str): Name of the JSON file that says what is in it.
        stamp (dict): What should be in it.
        write (Callable[[Path], None]): Writes everything but the stamp.

    Returns:
        bool: Whether this call has written it.

    Raises:
        FileExistsError: If something else has that name.
    """
    root = Path(os.path.realpath(root))
    if _is_there(root, stamp_name, stamp):
        return False
    root.parent.mkdir(parents=True, exist_ok=True)
    part = Path(
        tempfile.mkdtemp(
            prefix=f'.{root.name}.', suffix='.part', dir=str(root.parent)
        )
    )
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
    """Whether the target exists and is the expected dataset.

    Raises:
        FileExistsError: If it exists and is something else.
    """
    if not root.exists() or (root.is_dir() and not any(root.iterdir())):
        return False
    path = root / stamp_name
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        raise FileExistsError(
            f'{root} exists, but has no readable {stamp_name}: it is not the '
            f'synthetic dataset, and nothing was changed in it. {_ADVICE}'
        ) from None
    if found != stamp:
        keys = [*stamp, *(key for key in found if key not in stamp)]
        differences = ', '.join(
            f'{key}: {found.get(key)} instead of {stamp.get(key)}'
            for key in keys
            if found.get(key) != stamp.get(key)
        )
        raise FileExistsError(
            f'{root} holds the synthetic dataset in another version or size '
            f'({differences}). {_ADVICE}'
        )
    return True
