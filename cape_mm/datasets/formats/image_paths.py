# Copyright (c) cape_mm contributors. All rights reserved.
"""Images that annotations name stay inside of the folder of the images."""

from __future__ import annotations

import os
import os.path as osp
import re
import shutil
import stat
from pathlib import Path
from typing import Any, Iterable

from cape_mm.errors import DataError, shorten

_LONGEST = 1000  # characters of a name with its folders
_DRIVE = re.compile(r'[A-Za-z]:')


def check_image_names(
    names: Iterable[Any],
    root: str | Path,
    source: object,
    allow_outside: bool = False,
    remedy: str = 'set allow_outside=True (--allow-outside)',
) -> None:
    """Refuse names of images that lead out of their folder.

    A name is a relative path with ``/``. An annotation file from elsewhere
    must not make us read other files: absolute paths, ``..``, URLs, links that
    lead out of the folder. Nothing but regular files is opened, since a device
    or a named pipe may never end.

    Args:
        names (Iterable): Names from the file; those of missing images are
            accepted.
        root (str | Path): Folder of the images, or URL of it.
        source (object): The annotation file, for messages.
        allow_outside (bool): Whether absolute paths, ``..`` and links out of
            the folder are accepted. Defaults to False.
        remedy (str): How to allow them, for messages.

    Raises:
        DataError: If a name is refused; with the number of such names.
    """
    root = os.fspath(root)
    is_url = '://' in root
    whole = '' if is_url else osp.realpath(root or '.')
    inside: dict[str, bool] = {}
    bad = []
    # a value from a file may be of any type
    known = {repr(name): name for name in names}
    for name in known.values():
        problem, is_place = _find_problem(name, root, whole, is_url, inside)
        if problem and not (is_place and allow_outside):
            bad.append((name, problem, is_place))
    if not bad:
        return
    name, problem, is_place = bad[0]
    others = f', and {len(bad) - 1} other images like it' * (len(bad) > 1)
    advice = 'correct the name in the file'
    if is_place:
        advice = (
            f'put the images into {root}, or {remedy} if you trust the '
            'file and its images lie elsewhere'
        )
    raise DataError(
        f'{source}: the image {shorten(name, 200)} {problem}{others}; {advice}'
    )


def is_regular_file(path: str | Path) -> bool:
    """Whether there is a file, not a folder, device or named pipe."""
    try:
        return stat.S_ISREG(os.stat(path).st_mode)
    except (OSError, ValueError):
        return False


def is_below(path: str, folder: str) -> bool:
    """Whether a real path is a real folder or lies in it."""
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def link_or_copy(source: Path, target: Path) -> None:
    """Make a file appear in a second place, without a copy where possible.

    The link is a hard one, which lies inside of its folder as a file does.
    """
    try:
        os.link(source.resolve(), target)
    except OSError:  # another disk, or a file system without links
        shutil.copyfile(source, target)


def _find_problem(
    name: Any, root: str, whole: str, is_url: bool, inside: dict[str, bool]
) -> tuple[str, bool]:
    """What is wrong with a name, and whether it is only its place."""
    if not isinstance(name, str) or not name.strip() or '\0' in name:
        return 'has no file name', False
    if '://' in name or name.lower().startswith('file:'):
        return 'is a URL', False
    if '\\' in name:
        return 'has a backslash: write /', False
    if osp.isabs(name) or _DRIVE.match(name):
        problem = 'has an absolute path'
    elif '..' in name.split('/'):
        problem = 'leads out of its folder by ..'
    else:
        problem = ''
    if is_url:
        return problem, True
    path = osp.join(root, name)
    if len(name) > _LONGEST:
        return 'is longer than a name can be', False
    is_there = osp.lexists(path)
    if is_there and osp.exists(path) and not is_regular_file(path):
        return 'is no regular file', False
    if is_there and not problem and _leads_out(path, whole, inside):
        problem = f'is a link to {osp.realpath(path)}'
    return problem, True


def _leads_out(path: str, whole: str, inside: dict[str, bool]) -> bool:
    """Whether links lead out of ``whole``; ``inside`` remembers folders."""
    if osp.islink(path):
        return not is_below(osp.realpath(path), whole)
    folder = osp.dirname(path)
    if folder not in inside:
        inside[folder] = is_below(osp.realpath(folder), whole)
    return not inside[folder]
