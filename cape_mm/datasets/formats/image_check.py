# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import os
import os.path as osp
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Iterator, Sequence

from mmengine.fileio import exists
from PIL import Image

from cape_mm.environment import MAX_MEGAPIXELS
from cape_mm.errors import DataError

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
    missing end goes unnoticed. ``DataError`` if it is too large.
    """
    try:
        with open_head(path) as image:
            if decode:
                image.load()
            width, height = image.size
            is_turned = image.getexif().get(_EXIF_ORIENTATION) in _TURNED
    except DataError:
        raise
    except (OSError, SyntaxError, ValueError):
        return None
    return (height, width) if is_turned else (width, height)


def check_pixels(
    width: int, height: int, where: str, max_megapixels: float | None = None
) -> None:
    """Refuse an image that would need too much memory, before it is decoded.

    Args:
        width (int): Width, pixels.
        height (int): Height, pixels.
        where (str): File, for the message.
        max_megapixels (float, optional): Limit, millions of pixels. Defaults
            to :data:`MAX_MEGAPIXELS`.

    Raises:
        DataError: If it has more pixels.
    """
    limit = MAX_MEGAPIXELS if max_megapixels is None else max_megapixels
    if width * height > limit * 1e6:
        raise DataError(
            f'{where} has {width} x {height} pixels, more than '
            f'{limit:g} millions: if it really is such an image, raise the '
            'limit (CAPE_MM_MAX_MEGAPIXELS of the environment)'
        )


@contextmanager
def open_head(
    source: str | Path | bytes,
    name: str = '',
    max_megapixels: float | None = None,
) -> Iterator[Image.Image]:
    """Open an image whose pixels are not decoded, and are not too many.

    Args:
        source (str | Path | bytes): File or its content.
        name (str): Name of a content, for messages.
        max_megapixels (float, optional): As of :func:`check_pixels`.

    Yields:
        Image.Image: The image.

    Raises:
        DataError: If it has too many pixels.
        OSError: If it is no image.
    """
    is_content = isinstance(source, bytes)
    limit = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = None  # ours takes the place of Pillow's
    try:
        with Image.open(BytesIO(source) if is_content else source) as image:
            check_pixels(*image.size, name or str(source), max_megapixels)
            yield image
    finally:
        Image.MAX_IMAGE_PIXELS = limit


def refuse_huge_image(source: str | Path | bytes, name: str = '') -> None:
    """Refuse an image of too many pixels; decoders judge all else.

    Args:
        source (str | Path | bytes): File or its content.
        name (str): Name of a content, for the message.

    Raises:
        DataError: If it has more than :data:`MAX_MEGAPIXELS`.
    """
    try:
        with open_head(source, name):
            pass
    except DataError:
        raise
    except (OSError, SyntaxError, ValueError):
        pass


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
