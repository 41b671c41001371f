# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import os
import os.path as osp
from pathlib import Path
from typing import Sequence

from mmengine.fileio import exists
from PIL import Image

#: States of an image, and their meaning.
STATES = dict(
    ok='there, with the annotated size',
    missing='not there',
    unreadable='no image, or an incomplete one',
    wrong_size='another size than annotated: probably another image',
)
_EXIF_ORIENTATION = 274


def loaded_size(path: Path, decode: bool = False) -> tuple[int, int] | None:
    """Size of an image as OpenCV loads it, i.e. turned by its EXIF tag.

    Args:
        path (Path): Image file.
        decode (bool): Whether to decode the pixels. Defaults to False, which
            reads the head only and does not notice that the end is missing.

    Returns:
        Tuple[int, int] | None: Width and height; None if it is not readable.
    """
    try:
        with Image.open(path) as image:
            if decode:
                image.load()
            width, height = image.size
            is_turned = image.getexif().get(_EXIF_ORIENTATION, 1) >= 5
    except (OSError, SyntaxError, ValueError):
        return None
    return (height, width) if is_turned else (width, height)


def check_images(
    images: Sequence[dict], image_root: Path, decode: bool = False
) -> dict[str, str]:
    """Check the images of an annotation file.

    Args:
        images (Sequence[dict]): Entries with ``file_name``, ``width``,
            ``height``.
        image_root (Path): Folder that the names are relative to.
        decode (bool): See :func:`loaded_size`. Defaults to False.

    Returns:
        Dict[str, str]: Key of :data:`STATES` by file name.
    """
    states = {}
    for image in images:
        path = image_root / image['file_name']
        if not path.is_file():
            states[image['file_name']] = 'missing'
            continue
        size = loaded_size(path, decode)
        if size is None:
            state = 'unreadable'
        elif size != (image['width'], image['height']):
            state = 'wrong_size'
        else:
            state = 'ok'
        states[image['file_name']] = state
    return states


def find_missing(paths: set[str]) -> set[str]:
    """Find the images that do not exist, with one listing per folder.

    Args:
        paths (Set[str]): Paths or URLs.

    Returns:
        Set[str]: Missing paths.
    """
    listings: dict[str, set[str]] = {}
    missing = set()
    for path in paths:
        if '://' in path:
            if not exists(path):
                missing.add(path)
            continue
        folder, name = osp.split(path)
        if folder not in listings:
            is_folder = osp.isdir(folder or '.')
            listings[folder] = (
                set(os.listdir(folder or '.')) if is_folder else set()
            )
        if name not in listings[folder]:
            missing.add(path)
    return missing
