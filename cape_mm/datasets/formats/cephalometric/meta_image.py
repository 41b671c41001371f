# Copyright (c) cape_mm contributors. All rights reserved.
"""Stacks of images in one MetaImage file (``.mha``).

The part of the format that such stacks need: 8 bits per channel, raw or
compressed with zlib, data in the same file. Images are read one after the
other, because a whole stack may not fit into memory. Format:
https://itk.org/Wiki/ITK/MetaIO/Documentation
"""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import BinaryIO, Iterator, NamedTuple

import numpy as np

_MAX_HEADER_LINES = 200
_CHUNK = 1 << 20


class StackHeader(NamedTuple):
    """What the head of the file says.

    Attributes:
        count (int): Number of images.
        shape (Tuple[int, ...]): Of an image, (H, W) or (H, W, C).
        is_compressed (bool): Whether the data are a zlib stream.
        offset (int): Where the data begin, in bytes.
    """

    count: int
    shape: tuple[int, ...]
    is_compressed: bool
    offset: int


def read_header(path: Path) -> StackHeader:
    """Read the head of a stack.

    Args:
        path (Path): The ``.mha`` file.

    Returns:
        StackHeader: What it says.

    Raises:
        ValueError: If it is no MetaImage, or of a kind that is not supported.
    """
    fields: dict[str, str] = {}
    with open(path, 'rb') as file:
        while 'ElementDataFile' not in fields:
            line = file.readline(_CHUNK)
            key, equals, value = line.decode('latin-1').partition('=')
            if not equals or len(fields) > _MAX_HEADER_LINES:
                raise ValueError(
                    f'{path} is no MetaImage file (lines "name = value" up '
                    'to ElementDataFile): fetch it again'
                )
            fields[key.strip()] = value.strip()
        offset = file.tell()
    for key, wanted in (
        ('ElementType', 'MET_UCHAR'),
        ('ElementDataFile', 'LOCAL'),
        ('BinaryData', 'True'),
    ):
        if fields.get(key, wanted).lower() != wanted.lower():
            raise ValueError(
                f'{path}: {key} is {fields[key]}, only {wanted} is read: '
                'write the stack anew as 8 bit .mha, e.g. with SimpleITK'
            )
    try:
        size = [int(part) for part in fields['DimSize'].split()]
        channels = int(fields.get('ElementNumberOfChannels', 1))
    except (KeyError, ValueError) as error:
        raise ValueError(
            f'{path}: DimSize or ElementNumberOfChannels is missing or no '
            'number: fetch the file again'
        ) from error
    shape = [*reversed(size), *([channels] if channels > 1 else [])]
    if len(shape) not in (3, 4) or min(shape) < 1:
        raise ValueError(
            f'{path}: DimSize {fields["DimSize"]} with {channels} channels '
            'is no stack of images (width, height, number)'
        )
    return StackHeader(
        count=shape[0],
        shape=tuple(shape[1:]),
        is_compressed=fields.get('CompressedData', '').lower() == 'true',
        offset=offset,
    )


def read_images(path: Path) -> Iterator[np.ndarray]:
    """Read the images of a stack, one at a time.

    Args:
        path (Path): The ``.mha`` file.

    Yields:
        np.ndarray: (H, W) or (H, W, C) uint8.

    Raises:
        ValueError: If the file ends too early.
    """
    header = read_header(path)
    length = int(np.prod(header.shape))
    with open(path, 'rb') as file:
        file.seek(header.offset)
        chunks = (_inflate if header.is_compressed else _read)(file, path)
        buffer = bytearray()
        for number in range(1, header.count + 1):
            while len(buffer) < length:
                chunk = next(chunks, b'')
                if not chunk:
                    raise ValueError(
                        f'{path} ends in image {number} of {header.count}: '
                        'fetch the file again'
                    )
                buffer += chunk
            pixels = np.frombuffer(bytes(buffer[:length]), np.uint8)
            del buffer[:length]
            yield pixels.reshape(header.shape)


def _read(file: BinaryIO, path: Path) -> Iterator[bytes]:
    while True:
        yield file.read(_CHUNK)


def _inflate(file: BinaryIO, path: Path) -> Iterator[bytes]:
    """Decompress step by step; never more than a chunk at once."""
    stream = zlib.decompressobj()
    pending = b''
    while not stream.eof:
        pending = pending or file.read(_CHUNK)
        if not pending:
            return
        try:
            data = stream.decompress(pending, _CHUNK)
        except zlib.error as error:
            raise ValueError(
                f'{path}: its compressed data are damaged ({error}): fetch '
                'the file again'
            ) from error
        pending = stream.unconsumed_tail
        if data:
            yield data
