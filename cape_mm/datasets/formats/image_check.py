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
_TURNED = (5, 6, 7, 8)


def loaded_size(path: Path, decode: bool = False) -> tuple[int, int] | None:
    """Width and height as OpenCV loads an image; None if not readable.

    Turned by its EXIF tag. Without ``decode`` only the head is read, and a
    missing end goes unnoticed.
    """
    try:
        with Image.open(path) as image:
            if decode:
                image.load()
            width, height = image.size
            is_turned = image.getexif().get(_EXIF_ORIENTATION) in _TURNED
    except (
        Image.DecompressionBombError,
        OSError,
        SyntaxError,
        ValueError,
    ):
        return None
    return (height, width) if is_turned else (width, height)


def check_images(
    images: Sequence[dict], image_root: Path, decode: bool = False
) -> dict[str, str]:
    """Key of :data:`STATES` by file name of COCO image entries."""
    states = {}
    for image in images:
        path = image_root / image['file_name']
        size = loaded_size(path, decode) if path.is_file() else None
        if size == (image['width'], image['height']):
            state = 'ok'
        elif size is not None:
            state = 'wrong_size'
        else:
            state = 'unreadable' if path.is_file() else 'missing'
        states[image['file_name']] = state
    return states


def find_missing(paths: set[str]) -> set[str]:
    """Paths or URLs that do not exist, with one listing per folder."""
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
