# Copyright (c) cape_mm contributors. All rights reserved.
import cv2
import numpy as np
from PIL import Image

from cape_mm.datasets.mp100_preparation import check_pictures
from cape_mm.datasets.mp100_preparation.picture_check import loaded_size


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
