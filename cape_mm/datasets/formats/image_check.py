# Copyright (c) cape_mm contributors. All rights reserved.
"""Reading of images: one way for all that open one."""

from __future__ import annotations

import os
import os.path as osp
from io import BytesIO
from pathlib import Path
from typing import Sequence

import cv2
import numpy as np
from mmengine.fileio import exists, get
from PIL import Image

from cape_mm.environment import MAX_MEGAPIXELS
from cape_mm.errors import DataError

from .image_paths import is_regular_file

#: States of an image, and their meaning.
STATES = dict(
    ok='there, with the annotated size',
    missing='not there',
    unreadable='no image, or an incomplete one',
    wrong_size='another size than annotated: probably another image',
)
_EXIF_ORIENTATION = 274
_TURNED = (5, 6, 7, 8)
#: Bits of a value that devices have; files hold 8 or 16.
_DEPTHS = (8, 10, 12, 14, 16)


class HugeImageError(DataError):
    """An image of too many pixels."""


def read_image(
    path: str | Path,
    max_megapixels: float | None = None,
    notes: list[str] | None = None,
    backend_args: dict | None = None,
) -> np.ndarray:
    """Read an image as it is displayed: turned by its EXIF orientation.

    Values of 16 bits become 8 by their real depth, the least of 8, 10, 12, 14
    and 16 bits that holds the largest of them: the 12 bits of an X-ray
    detector would be black if 16 were assumed.

    Args:
        path (str | Path): File or URL.
        max_megapixels (float, optional): As of :func:`check_pixels`.
        notes (list[str], optional): Gets remarks for the user.
        backend_args (dict, optional): Of MMEngine's file backend.

    Returns:
        np.ndarray: (H, W, 3) uint8, BGR.

    Raises:
        FileNotFoundError: If there is no such file.
        DataError: If it is no complete image, an animation, has several
            pages, floating-point values or too many pixels.
    """
    name = os.path.expanduser(os.fspath(path))
    is_local = backend_args is None and '://' not in name
    if is_local and not is_regular_file(name):
        raise FileNotFoundError(f'there is no image {name!r}')
    content = get(name, backend_args=backend_args)
    _check_head(BytesIO(content), name, max_megapixels, notes, True)
    flags = cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH
    try:
        image = cv2.imdecode(np.frombuffer(content, np.uint8), flags)
    except cv2.error:  # such as of no content
        image = None
    if image is None or image.dtype not in (np.uint8, np.uint16):
        raise DataError(
            f'{name!r} cannot be read as an image: it is empty, damaged or of '
            'an unknown format; fetch it again, or save it as PNG'
        )
    if image.dtype == np.uint16:
        depth = value_depth(image)
        if depth < 16 and notes is not None:
            notes.append(f'its 16 bits hold {depth} and are read as {depth}')
        image = (image >> (depth - 8)).astype(np.uint8)
    if notes is not None and image.min() == image.max():
        notes.append(f'all its pixels are {image[0, 0].tolist()}')
    return image


def value_depth(values: np.ndarray) -> int:
    """Least usual number of bits that holds values >= 0."""
    bits = int(values.max()).bit_length()
    return next((depth for depth in _DEPTHS if bits <= depth), 16)


def check_image(
    path: str | Path,
    decode: bool = True,
    max_megapixels: float | None = None,
    notes: list[str] | None = None,
) -> tuple[int, int]:
    """Width and height of an image as :func:`read_image` gives it.

    Without ``decode`` only the head is read, and a missing end goes
    unnoticed. The other arguments and the errors are those of
    :func:`read_image`.
    """
    if decode:
        height, width = read_image(path, max_megapixels, notes).shape[:2]
        return width, height
    return _check_head(path, str(path), max_megapixels, notes)


def _check_head(
    source: str | Path | BytesIO,
    name: str,
    max_megapixels: float | None,
    notes: list[str] | None,
    is_decoded: bool = False,
) -> tuple[int, int]:
    """Width and height as displayed; decoders judge what Pillow cannot."""
    is_file = not isinstance(source, BytesIO)
    if is_file and os.path.exists(source) and not is_regular_file(source):
        raise DataError(f'{name} is no regular file, opening it may never end')
    limit = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = None  # ours takes the place of Pillow's
    try:
        with Image.open(source) as image:
            check_pixels(*image.size, name, max_megapixels)
            width, height = image.size
            turn = _orientation(image)
            frames = getattr(image, 'n_frames', 1)
            kind, mode = image.format, image.mode
            if kind == 'TIFF':  # which newer Pillow gives as displayed
                width, height = image.tag_v2[256], image.tag_v2[257]
    except DataError:
        raise
    except Exception as error:  # whatever Pillow raises of a damaged head
        if is_decoded:
            return 0, 0
        raise DataError(
            f'{name} is no image, or not a complete one: fetch it again, or '
            'convert it to PNG'
        ) from error
    finally:
        Image.MAX_IMAGE_PIXELS = limit
    # the further images of an MPO are previews of a photograph
    if kind == 'GIF' or (frames > 1 and kind != 'MPO'):
        raise DataError(
            f'{name} is a {kind} of {frames} images, or one that may have '
            'several: save the one that is meant as PNG'
        )
    if mode == 'F':
        raise DataError(
            f'{name} has floating-point values, whose black and white are '
            'unknown: save it as PNG of 8 or 16 bits'
        )
    if turn in (2, 3, 4, *_TURNED) and notes is not None:
        notes.append(
            f'its EXIF orientation is {turn}: coordinates are taken as those '
            'of the image as displayed'
        )
    return (height, width) if turn in _TURNED else (width, height)


def _orientation(image: Image.Image) -> int | None:
    """EXIF orientation in the head of an image."""
    # without one there, Pillow decodes a whole PNG to look behind its pixels
    keys = ('exif', 'Raw profile type exif')
    if image.format == 'PNG' and not any(key in image.info for key in keys):
        return None
    return image.getexif().get(_EXIF_ORIENTATION)


def loaded_size(
    path: Path, decode: bool = False, notes: list[str] | None = None
) -> tuple[int, int] | None:
    """As :func:`check_image`, but None if an image is not readable."""
    try:
        return check_image(path, decode, notes=notes)
    except HugeImageError:
        raise
    except (DataError, OSError):
        return None


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
        raise HugeImageError(
            f'{where} has {width} x {height} pixels, more than '
            f'{limit:g} millions: if it really is such an image, raise the '
            'limit (CAPE_MM_MAX_MEGAPIXELS of the environment)'
        )


def check_images(
    images: Sequence[dict],
    image_root: Path,
    decode: bool = False,
    remarks: dict[str, list[str]] | None = None,
) -> dict[str, str]:
    """Key of :data:`STATES` by file name of COCO image entries.

    ``remarks`` gets those of :func:`read_image` on readable images.
    """
    states = {}
    for image in images:
        path = image_root / image['file_name']
        notes: list[str] = []
        size = loaded_size(path, decode, notes) if path.is_file() else None
        if notes and remarks is not None:
            remarks[image['file_name']] = notes
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
