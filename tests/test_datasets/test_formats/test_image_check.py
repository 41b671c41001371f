# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import os
import struct
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image

from cape_mm.apis.cephalometric_inferencer import read_cephalogram
from cape_mm.apis.inputs.images import ImageLoader
from cape_mm.apis.inputs.videos import open_video
from cape_mm.datasets.formats import image_check
from cape_mm.datasets.formats.cephalometric.folder import check_image
from cape_mm.datasets.formats.image_check import check_images, loaded_size
from cape_mm.datasets.transforms import LoadClipImages
from cape_mm.errors import DataError


@pytest.fixture
def image():
    def write(path, width=40, height=30):
        rng = np.random.default_rng(0)
        pixels = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
        cv2.imwrite(str(path), pixels)
        return path

    return write


def test_every_state_is_recognised(tmp_path, image):
    image(tmp_path / 'good.png')
    image(tmp_path / 'other.png', width=41)
    (tmp_path / 'text.png').write_text('no image')
    images = [
        dict(file_name=f'{name}.png', width=40, height=30)
        for name in ('good', 'other', 'text', 'absent')
    ]
    assert check_images(images, tmp_path) == {
        'good.png': 'ok',
        'other.png': 'wrong_size',
        'text.png': 'unreadable',
        'absent.png': 'missing',
    }


def test_only_decoding_finds_an_incomplete_image(tmp_path, image):
    path = image(tmp_path / 'cut.jpg')
    path.write_bytes(path.read_bytes()[:-400])
    assert loaded_size(path) == (40, 30)
    assert loaded_size(path, decode=True) is None


def test_size_is_that_of_opencv_for_a_turned_photo(tmp_path):
    path = tmp_path / 'turned.jpg'
    image = Image.fromarray(np.zeros((30, 40, 3), np.uint8))
    exif = Image.Exif()
    exif[274] = 6
    image.save(path, exif=exif)
    height, width = cv2.imread(str(path)).shape[:2]
    assert loaded_size(path) == (width, height) == (30, 40)


def test_an_unknown_orientation_turns_nothing(tmp_path):
    path = tmp_path / 'odd.jpg'
    image = Image.fromarray(np.zeros((30, 40, 3), np.uint8))
    exif = Image.Exif()
    exif[274] = 99
    image.save(path, exif=exif)
    assert cv2.imread(str(path)).shape[:2] == (30, 40)
    assert loaded_size(path) == (40, 30)


@pytest.fixture
def bomb(tmp_path, image):
    """A small PNG whose head says 60,000 x 60,000 pixels."""
    path = image(tmp_path / 'bomb_0.png')
    data = bytearray(path.read_bytes())
    data[16:24] = struct.pack('>II', 60_000, 60_000)
    data[29:33] = struct.pack('>I', zlib.crc32(data[12:29]))
    path.write_bytes(data)
    return path


_CONSUMERS = {
    'size': loaded_size,
    'states': lambda path: check_images(
        [dict(file_name=path.name, width=60_000, height=60_000)], path.parent
    ),
    'converter of cephalograms': lambda path: check_image(path, 150),
    'inferencers': lambda path: ImageLoader([dict(type='LoadImage')]).read(
        str(path)
    ),
    'cephalograms': read_cephalogram,
    'videos': lambda path: list(open_video(path.parent).read()),
    'clips': lambda path: LoadClipImages()(
        dict(frames=[dict(img_path=str(path))])
    ),
}


@pytest.mark.parametrize('consume', _CONSUMERS.values(), ids=_CONSUMERS)
def test_decompression_bomb_is_refused_by_name(consume, bomb):
    with pytest.raises(DataError, match=r'bomb_0.png.*60000.*MEGAPIXELS'):
        consume(bomb)


def test_limit_is_configurable(tmp_path, image, monkeypatch):
    path = image(tmp_path / 'small.png')
    monkeypatch.setattr(image_check, 'MAX_MEGAPIXELS', 0.001)
    with pytest.raises(DataError, match='40 x 30 pixels, more than 0.001'):
        loaded_size(path)
    assert os.environ['OPENCV_IO_MAX_IMAGE_PIXELS'].isdigit()
