# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import cv2
import numpy as np
import pytest
from PIL import Image

from cape_mm.datasets.picture_check import check_pictures, loaded_size


@pytest.fixture
def picture():
    def write(path, width=40, height=30):
        rng = np.random.default_rng(0)
        pixels = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
        cv2.imwrite(str(path), pixels)
        return path

    return write


def test_every_state_is_recognised(tmp_path, picture):
    picture(tmp_path / 'good.png')
    picture(tmp_path / 'other.png', width=41)
    (tmp_path / 'text.png').write_text('no picture')
    images = [
        dict(file_name=f'{name}.png', width=40, height=30)
        for name in ('good', 'other', 'text', 'absent')
    ]
    assert check_pictures(images, tmp_path) == {
        'good.png': 'ok',
        'other.png': 'wrong_size',
        'text.png': 'unreadable',
        'absent.png': 'missing',
    }


def test_only_decoding_finds_an_incomplete_picture(tmp_path, picture):
    path = picture(tmp_path / 'cut.jpg')
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
