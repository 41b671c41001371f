# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import os
import struct
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngImageFile

from cape_mm.apis.cephalometric_inferencer import read_cephalogram
from cape_mm.apis.inputs.images import ImageLoader
from cape_mm.apis.inputs.videos import open_video
from cape_mm.datasets.formats import image_check
from cape_mm.datasets.formats.image_check import (
    check_image,
    check_images,
    loaded_size,
    read_image,
)
from cape_mm.datasets.pipeline import build_transforms
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
    'converter of cephalograms': check_image,
    'inferencers': lambda path: ImageLoader([dict(type='LoadImage')]).read(
        str(path)
    ),
    'cephalograms': read_cephalogram,
    'videos': lambda path: list(open_video(path.parent).read()),
    'datasets': lambda path: build_transforms([dict(type='LoadImage')])[0](
        dict(img_path=str(path))
    )['img'],
    'clips': lambda path: LoadClipImages()(
        dict(frames=[dict(img_path=str(path))])
    )['frames'][0]['img'],
}
_READERS = ('inferencers', 'cephalograms', 'datasets', 'clips')


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


def animated_gif(path):
    frames = [Image.new('L', (40, 30), grey) for grey in (0, 99)]
    frames[0].save(path, save_all=True, append_images=frames[1:])


def half_a_jpeg(path):
    pixels = np.random.default_rng(0).integers(0, 256, (90, 120, 3))
    Image.fromarray(pixels.astype(np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def float_tiff(path):
    Image.fromarray(np.ones((30, 40), np.float32)).save(path)


def tiff_of_two_pages(path):
    pages = [Image.new('L', (40, 30), grey) for grey in (0, 99)]
    pages[0].save(path, save_all=True, append_images=pages[1:])


def empty(path):
    path.touch()


_BAD = [
    (animated_gif, 'a.gif', 'is a GIF of 2 image'),
    (half_a_jpeg, 'a.jpg', 'damaged'),
    (float_tiff, 'a.tif', 'has floating-point values'),
    (tiff_of_two_pages, 'a.tif', 'is a TIFF of 2 image'),
    (empty, 'a.png', 'empty'),
]


@pytest.mark.parametrize('reader', [*_READERS, 'converter of cephalograms'])
@pytest.mark.parametrize(
    ('write', 'name', 'reason'), _BAD, ids=[row[0].__name__ for row in _BAD]
)
def test_what_is_no_image_is_refused_by_name(
    tmp_path, reader, write, name, reason
):
    write(tmp_path / name)
    with pytest.raises(DataError, match=f'{name}.*{reason}.*save'):
        _CONSUMERS[reader](tmp_path / name)
    assert loaded_size(tmp_path / name, decode=True) is None


@pytest.mark.parametrize('reader', _READERS)
@pytest.mark.parametrize('suffix', ['png', 'tif'])
@pytest.mark.parametrize('channels', [1, 3])
@pytest.mark.parametrize('bits', [8, 10, 12, 14, 16])
def test_values_of_any_depth_in_16_bits_are_not_black(
    tmp_path, reader, suffix, channels, bits
):
    grey = np.linspace(0, 2**bits - 1, 40 * 30).astype(np.uint16)
    pixels = np.repeat(grey.reshape(30, 40, 1), channels, 2)
    path = tmp_path / f'deep.{suffix}'
    cv2.imwrite(str(path), pixels)
    image = _CONSUMERS[reader](path)
    assert image.shape == (30, 40, 3) and image.dtype == np.uint8
    np.testing.assert_array_equal(
        image[..., 0], grey.reshape(30, 40) >> (bits - 8)
    )
    notes = []
    read_image(path, notes=notes)
    said = f'its 16 bits hold {bits} and are read as {bits}'
    assert notes == ([said] if bits < 16 else [])


def test_an_image_of_8_bits_is_what_opencv_reads(tmp_path, image):
    for name in ('a.png', 'a.jpg', 'a.bmp', 'a.webp', 'a.tif'):
        path = image(tmp_path / name)
        notes = []
        np.testing.assert_array_equal(
            read_image(path, notes=notes), cv2.imread(str(path))
        )
        assert not notes


def test_an_image_of_one_colour_is_noted(tmp_path):
    cv2.imwrite(str(tmp_path / 'a.png'), np.full((30, 40), 7, np.uint8))
    notes, remarks = [], {}
    read_image(tmp_path / 'a.png', notes=notes)
    assert notes == ['all its pixels are [7, 7, 7]']
    entry = dict(file_name='a.png', width=40, height=30)
    check_images([entry], tmp_path, True, remarks)
    assert remarks == {'a.png': notes}


@pytest.mark.parametrize('decode', [True, False])
@pytest.mark.parametrize('turn', [2, 3, 4, 6])
def test_the_frame_of_a_turned_image_is_noted(tmp_path, turn, decode):
    path = tmp_path / 'turned.jpg'
    pixels = np.random.default_rng(0).integers(0, 256, (30, 40, 3))
    exif = Image.Exif()
    exif[274] = turn
    Image.fromarray(pixels.astype(np.uint8)).save(path, exif=exif)
    notes = []
    size = check_image(path, decode, notes=notes)
    assert size == ((30, 40) if turn == 6 else (40, 30))
    assert f'EXIF orientation is {turn}' in notes[0]
    assert 'of the image as displayed' in notes[0]
    np.testing.assert_array_equal(read_image(path), cv2.imread(str(path)))


@pytest.mark.parametrize('turn', [1, 3, 6, 8])
def test_the_size_of_a_turned_tiff_is_that_of_its_pixels(tmp_path, turn):
    exif = Image.Exif()
    exif[274] = turn
    Image.new('L', (40, 30)).save(tmp_path / 'a.tif', exif=exif)
    height, width = read_image(tmp_path / 'a.tif').shape[:2]
    assert check_image(tmp_path / 'a.tif', decode=False) == (width, height)
    assert (width, height) == ((30, 40) if turn > 4 else (40, 30))


def test_only_regular_files_are_opened(tmp_path):
    os.mkfifo(tmp_path / 'pipe.png')
    with pytest.raises(FileNotFoundError, match=r'no image .*pipe\.png'):
        read_image(tmp_path / 'pipe.png')


def test_the_head_of_a_png_is_read_without_its_pixels(tmp_path, monkeypatch):
    path = tmp_path / 'grey.png'
    cv2.imwrite(str(path), np.zeros((30, 40), np.uint8))

    def refuse(self):
        raise AssertionError('decoded')

    monkeypatch.setattr(PngImageFile, 'load', refuse)
    assert check_image(path, decode=False) == (40, 30)


def test_a_png_may_be_turned(tmp_path):
    exif = Image.Exif()
    exif[274] = 6
    path = tmp_path / 'turned.png'
    Image.new('L', (40, 30)).save(path, exif=exif)
    assert check_image(path, decode=False) == check_image(path) == (30, 40)
