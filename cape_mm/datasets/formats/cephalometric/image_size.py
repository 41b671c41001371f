# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import warnings
from pathlib import Path

from PIL import Image

from cape_mm.errors import DataError

#: Largest image that is decoded unless asked for, in millions of pixels.
#: Cephalograms of 95 million exist.
MAX_MEGAPIXELS = 150.0


def check_pixels(
    width: int, height: int, where: str, max_megapixels: float = MAX_MEGAPIXELS
) -> None:
    """Refuse an image that would need too much memory.

    Args:
        width (int): Its width in pixels.
        height (int): Its height in pixels.
        where (str): The image, for messages.
        max_megapixels (float): Limit in millions of pixels. Defaults to 150.

    Raises:
        DataError: If it is larger.
    """
    if width * height > max_megapixels * 1e6:
        raise DataError(
            f'{where} has {width} x {height} pixels, more than '
            f'{max_megapixels:g} millions: if it really is a image, raise the '
            'limit'
        )


def check_image(
    path: Path, max_megapixels: float = MAX_MEGAPIXELS
) -> tuple[int, int]:
    """Read the size of an image from its head, before anything is decoded.

    Args:
        path (Path): The image.
        max_megapixels (float): Limit in millions of pixels. Defaults to 150.

    Returns:
        Tuple[int, int]: Width and height in pixels, as they are stored.

    Raises:
        DataError: If it is no image, or larger than the limit.
    """
    try:
        with warnings.catch_warnings():
            # Our own limit takes the place of Pillow's.
            warnings.simplefilter('ignore', Image.DecompressionBombWarning)
            with Image.open(path) as image:
                size = image.size
    except Image.DecompressionBombError as error:
        raise DataError(
            f'{path} is too large ({error}): make it smaller, with its '
            'landmarks and spacing'
        ) from error
    except (OSError, SyntaxError) as error:
        raise DataError(
            f'{path} is no image, or not a complete one: fetch it again, '
            'or convert it to PNG'
        ) from error
    check_pixels(*size, str(path), max_megapixels)
    return size
